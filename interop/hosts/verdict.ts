/** Owns which promises one client's result breaks. Pure. */
import type { ClientResult } from './result.ts'
import type { Scenario } from './scenarios.ts'

/** How long a client waits for an answer before it looks elsewhere, in ms: their defaults, and the attempts that follow. */
const PATIENCE_MS: Readonly<Record<string, number>> = { librdkafka: 30_000, kafkajs: 30_000 }
const AFTERWARDS_MS = 3_000

export function gapMsMax(scenario: Scenario, client: string): number {
  if (scenario.isSilent !== true) return scenario.gapMsMax
  const patienceMs = PATIENCE_MS[client]
  return patienceMs === undefined ? scenario.gapMsMax : Math.max(scenario.gapMsMax, patienceMs + AFTERWARDS_MS)
}

export function brokenPromises(scenario: Scenario, result: ClientResult): string[] {
  const max = gapMsMax(scenario, result.name)
  const { gapMs, lost, twice, reordered, misplaced, unread, failures } = result
  return [
    ...(gapMs > max ? [`${gapMs} ms without an acknowledgement, ${max} at most`] : []),
    ...Object.entries({ lost, twice, reordered, misplaced, unread })
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${count} ${what}`),
    ...(failures.length > 0 ? [`it told of ${failures.length} failures`] : []),
  ]
}
