/** Owns what a command is given: its edges to the world, so that tests run commands without a process or a network. */
import type { Clock } from '@ottla/base/clock.ts'
import type { Disk } from '@ottla/base/disk.ts'
import type { StandardStreams } from '@ottla/base/standard-streams.ts'
import type { Client } from '@ottla/client/client.ts'

export interface CommandContext {
  readonly streams: StandardStreams
  readonly clock: Clock
  /** For data directories; what a command reads from start to end is a stream's. */
  readonly disk: Disk
  /** Aborts when the user interrupts, or nobody reads the output any more. */
  readonly signal: AbortSignal
  /** Connects, or rejects with BrokersUnreachableError. Whoever calls disposes. */
  openClient(bootstrap: string): Promise<Client>
}

/** Of every command that talks to a broker. */
export interface BrokerOptions {
  readonly bootstrap: string
}

/** Waits where the reader of the output is slower than we are. */
export async function print(context: CommandContext, text: string | Uint8Array): Promise<void> {
  await context.streams.write(text)
}
