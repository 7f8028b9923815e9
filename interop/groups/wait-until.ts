/** Owns waiting for a state of a group that only asking shows: asked again and again, up to a deadline. */
import { systemClock } from '@ottla/base/clock.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'

/** A state that is not there by then does not come. A guard, not a measurement. */
const WAIT_MS_MAX = 60_000
const ASK_MS = 50

/** A state, or what is there instead of it, as a sentence. */
export type Looked<T> = { readonly found: T } | { readonly missing: string }

/** Resolves with what was looked for; throws with what was there instead. */
export async function waitUntil<T>(what: string, look: () => Promise<Looked<T>>, waitMs = WAIT_MS_MAX): Promise<T> {
  const endMs = systemClock.monotonicMs() + waitMs
  for (;;) {
    const looked = await look()
    if ('found' in looked) return looked.found
    if (systemClock.monotonicMs() > endMs) throw new Error(`Cannot see ${what} in ${waitMs} ms: ${looked.missing}`)
    await systemTimers.sleep(ASK_MS)
  }
}
