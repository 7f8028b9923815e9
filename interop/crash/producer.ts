import type { Lane } from './lanes.ts'

/** A client that fills lanes, and goes on by itself when its broker comes back. */
export interface CrashProducer {
  readonly name: string
  readonly lanes: readonly Lane[]
  /** A broker serves again at the same address as before. */
  brokerIsBack(): void
  /** Makes no new records; resolves once all that were made are acknowledged. Rejects with what went wrong. */
  finish(): Promise<void>
}
