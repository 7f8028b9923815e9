/**
 * Whether each version of an API was asked both well and badly, told from what Apache Kafka answered: a reply without an
 * error is one to a good request; an error in a reply, or a connection that is closed, is one to a bad request.
 */
import { catalogue } from '@ottla/protocol/apis/index.ts'
import type { AnyApi } from '@ottla/protocol/codec.ts'
import { CLOSED } from './run.ts'
import type { Scenario } from './scenario.ts'
import { versionsOf } from './scenarios/index.ts'

interface Advertised {
  readonly apiKeys: readonly { readonly apiKey: number; readonly minVersion: number; readonly maxVersion: number }[]
}

/** APIs that are in both replies to ApiVersions, each with the versions that both serve. */
export async function servedByBoth(left: Advertised, right: Advertised): Promise<ServedVersions[]> {
  const ranges = new Map(right.apiKeys.map((range) => [range.apiKey, range]))
  const served: ServedVersions[] = []
  for (const { apiKey, minVersion, maxVersion } of left.apiKeys) {
    const other = ranges.get(apiKey)
    const api = await catalogue.get(apiKey)?.load()
    if (other === undefined || api === undefined) continue
    // Produce is advertised from a version on that nobody serves.
    const from = Math.max(minVersion, other.minVersion, api.versions[0])
    const to = Math.min(maxVersion, other.maxVersion)
    served.push({ api, versions: Array.from({ length: to - from + 1 }, (_, i) => from + i) })
  }
  return served
}

export interface ServedVersions {
  readonly api: AnyApi
  readonly versions: readonly number[]
}

export interface VersionsAsked {
  readonly well: ReadonlySet<number>
  readonly badly: ReadonlySet<number>
}

type OutcomesOf = (scenario: Scenario, version: number) => readonly unknown[] | undefined

/** Of the scenarios of one API. */
export function versionsAsked(api: AnyApi, scenarios: readonly Scenario[], outcomesOf: OutcomesOf): VersionsAsked {
  const well = new Set<number>()
  const badly = new Set<number>()
  for (const scenario of scenarios) {
    for (const version of versionsOf(scenario)) {
      const outcomes = ownOutcomes(api, scenario, outcomesOf(scenario, version) ?? [])
      if (outcomes.some(isAnswer)) well.add(version)
      if (outcomes.some(isRefusal)) badly.add(version)
    }
  }
  return { well, badly }
}

/** Other APIs prepare and look; raw steps are of the scenario's API where they say so. */
function ownOutcomes(api: AnyApi, { steps }: Scenario, outcomes: readonly unknown[]): unknown[] {
  return outcomes.flatMap((outcome, i) => {
    const step = steps[i]!
    if (step.kind === 'ask') return step.api === api && step.options.version === undefined ? [outcome] : []
    const replies = step.options.replies ?? []
    return replies.some((form) => form.api === api && form.version === undefined) ? (outcome as unknown[]) : []
  })
}

function isAnswer(outcome: unknown): boolean {
  return typeof outcome === 'object' && !hasError(outcome)
}

function isRefusal(outcome: unknown): boolean {
  return outcome === CLOSED || hasError(outcome)
}

function hasError(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false
  return Object.entries(value).some(([name, inner]) => {
    return typeof inner === 'string' ? /errorCode$/i.test(name) && inner !== 'NONE' : hasError(inner)
  })
}
