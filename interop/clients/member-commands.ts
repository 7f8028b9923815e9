/** Owns the lines between a test and its processes of group members: see interop/groups/member-process.ts. */
import { createInterface } from 'node:readline'

/** The first two are the broker's to say in KIP-848. */
export interface MemberTimes {
  readonly sessionTimeoutMs: number
  readonly heartbeatMs: number
  readonly metadataAgeMs: number
}

export interface JoinCommand extends MemberTimes {
  readonly do: 'join'
  readonly member: string
  readonly group: string
  readonly topics: readonly string[]
  /** As the client calls it. */
  readonly assignor: string
}

export type Command =
  | JoinCommand
  | { readonly do: 'subscribe'; readonly member: string; readonly topics: readonly string[] }
  | { readonly do: 'leave'; readonly member: string }

/** Topic, partition, offset, value. */
export type DeliveredRecord = readonly [string, number, number, string]

export type Told =
  | { readonly member: string; readonly record: DeliveredRecord }
  | { readonly member: string; readonly left: true }
  | { readonly member: string; readonly failed: string }

export async function* commandsOfInput(): AsyncGenerator<Command> {
  for await (const line of createInterface({ input: process.stdin })) yield JSON.parse(line) as Command
}

export function tell(told: Told): void {
  process.stdout.write(`${JSON.stringify(told)}\n`)
}
