/**
 * Sees to it that a watch keeps up with what etcd says when it is asked: a watch has been seen to fall silent (a member
 * cut off, starved, or at fault) while the connection stood.
 *
 * Every RECHECK_MS, and whenever an answer showed a newer revision, the watch has to reach it. Where other programs write
 * to the same etcd there may be nothing to tell of that revision: the store then writes a mark of its own, which a watch
 * that works must show. One that does not is ended, and goes on at another member.
 */
import type { Timers } from '@ottla/base/timers.ts'
import type { Level } from './revisions.ts'

export interface WatchGuardOptions {
  readonly timers: Timers
  /** The newest revision that was heard of. */
  readonly heard: Level
  /** The newest revision that the watch has shown. */
  readonly shown: Level
  /** Asks etcd for its revision, past any cache; raises `heard`. */
  readonly ask: () => Promise<number>
  /** Writes a mark; the revision that it has, or null when that is not known. */
  readonly mark: () => Promise<number | null>
  readonly signal: AbortSignal
  readonly recheckMs: number
}

/** For events that are on their way. */
const GRACE_MS = 200
/** A watch that does not show a mark in this time does not work. */
const SILENT_MS_MAX = 2_000

/** Resolves with true when the watch is silent, with false when the signal aborts; rejects when etcd does not answer. */
export async function isSilent(options: WatchGuardOptions): Promise<boolean> {
  const { heard, shown, signal, recheckMs } = options
  while (!signal.aborted) {
    await heard.until(shown.value + 1, { timeoutMs: recheckMs, signal })
    const known = Math.max(heard.value, await options.ask())
    if (await shown.until(known, { timeoutMs: GRACE_MS, signal })) continue
    const marked = await options.mark()
    if (marked === null || (await shown.until(marked, { timeoutMs: SILENT_MS_MAX, signal }))) continue
    return true
  }
  return false
}
