/** Owns which promises one client's result breaks. Pure. */
import type { ClientResult } from './result.ts'
import type { Scenario } from './scenarios.ts'
import type { SteadyKind } from './steady-client.ts'

/** What may pass between a client's giving up an answer and its next acknowledgement. */
const AFTERWARDS_MS = 3_000

/**
 * Where a leader says nothing, the clients of others go on when they do not wait for its answer any more; nobody can say
 * when where they then ask the same broker again.
 */
export function gapMsMax({ isSilent, gapMsMax: max }: Scenario, { patienceMs, isFaithful }: SteadyKind): number {
  if (isSilent !== true) return max
  if (isFaithful) return Number.POSITIVE_INFINITY
  return patienceMs === undefined ? max : Math.max(max, patienceMs + AFTERWARDS_MS)
}

export function brokenPromises(scenario: Scenario, result: ClientResult): string[] {
  const max = gapMsMax(scenario, result.kind)
  const { gapMs, lost, twice, reordered, misplaced, unread, failures } = result
  return [
    ...(gapMs > max ? [`${gapMs} ms without an acknowledgement, ${max} at most`] : []),
    ...Object.entries({ lost, twice, reordered, misplaced, unread })
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${count} ${what}`),
    ...(failures.length > 0 ? [`it told of ${failures.length} failures`] : []),
  ]
}
