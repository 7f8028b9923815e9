/**
 * Owns the lines between a trial and its clients that produce and read all the time (steady-….ts, steady_….py): what they
 * tell on standard output. They get arguments, and the end of their input, which means: make no new records.
 */
import { systemClock } from '@ottla/base/clock.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'

/** Each producer numbers the records of a partition from 0 on; a record's value is its number. Times are the wall clock's. */
export type SteadyTold =
  | { readonly acked: readonly [partition: number, offset: number, number: number]; readonly atMs: number }
  | { readonly read: readonly [partition: number, offset: number, number: number]; readonly atMs: number }
  | { readonly failed: string }
  /** Every record that was made has its outcome. */
  | { readonly finished: true }

/** One record for each partition in so many ms: enough that some are always under way, little enough for a small machine. */
export const ROUND_MS = 20
/** Made and without an outcome, for each partition; so a client that cannot go on rests. */
export const UNDER_WAY_MAX = 200

export interface SteadyArguments {
  readonly bootstrap: string
  readonly topic: string
  readonly partitions: readonly number[]
}

export function steadyArguments(): SteadyArguments {
  const [bootstrap = '', topic = '', count = ''] = process.argv.slice(2)
  return { bootstrap, topic, partitions: Array.from({ length: Number(count) }, (_, i) => i) }
}

export function tellSteady(told: SteadyTold): void {
  process.stdout.write(`${JSON.stringify(told)}\n`)
}

export function tellAcked(partition: number, offset: number, number: number): void {
  tellSteady({ acked: [partition, offset, number], atMs: systemClock.wallMs() })
}

/** Aborts with the end of input. */
export function endOfInput(): AbortSignal {
  const over = new AbortController()
  process.stdin.on('end', () => over.abort())
  process.stdin.resume()
  return over.signal
}

/** Rests until the next round is due; not at all where the last one took longer. */
export async function nextRound(startMs: number): Promise<void> {
  await systemTimers.sleep(Math.max(0, startMs + ROUND_MS - systemClock.monotonicMs()))
}
