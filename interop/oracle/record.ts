/**
 * Records anew what Apache Kafka answers: `scripts/node26 interop/oracle/record.ts [API or scenario …]`. Without names
 * all scenarios are recorded. Needs Java and, the first time, Maven; see kafka.ts. Also writes docs/oracle-coverage.md.
 */
import type { AnyApi } from '@ottla/protocol/codec.ts'
import { writeCoverage } from './coverage.ts'
import { Kafka } from './kafka.ts'
import { PROFILE_NAMES, type ProfileName } from './profiles.ts'
import { type Recorded, writeRecording } from './recording.ts'
import { runScenario, type Target } from './run.ts'
import type { Scenario } from './scenario.ts'
import { SCENARIOS, versionsOf } from './scenarios/index.ts'

async function main(wanted: readonly string[]): Promise<void> {
  const apis = new Set(SCENARIOS.map(({ api }) => api).filter((api) => isWanted(api, wanted)))
  const scenarios = SCENARIOS.filter(({ api }) => apis.has(api))
  const recorded: Recorded[] = []
  for (const profile of PROFILE_NAMES) {
    const ofProfile = scenarios.filter((scenario) => (scenario.profile ?? 'plain') === profile)
    if (ofProfile.length > 0) recorded.push(...(await recordProfile(profile, ofProfile)))
  }
  for (const api of apis) {
    const ofApi = recorded.filter(({ scenario }) => scenario.api === api)
    // In the order in which the scenarios stand, whatever profile each has.
    writeRecording(
      api,
      ofApi.toSorted((a, b) => SCENARIOS.indexOf(a.scenario) - SCENARIOS.indexOf(b.scenario)),
    )
  }
  writeCoverage()
}

function isWanted({ name, key }: AnyApi, wanted: readonly string[]): boolean {
  return wanted.length === 0 || wanted.includes(name) || wanted.includes(String(key))
}

async function recordProfile(profile: ProfileName, scenarios: readonly Scenario[]): Promise<Recorded[]> {
  await using kafka = await Kafka.start(profile)
  const recorded: Recorded[] = []
  for (const scenario of scenarios) {
    const versions = versionsOf(scenario)
    const startMs = performance.now()
    for (const version of versions) recorded.push(await recordOne(scenario, version, kafka.target))
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
    console.log(`${profile}: ${scenario.api.name}: ${scenario.name}: ${versions.length} versions in ${seconds} s`)
  }
  return recorded
}

/** The others are recorded even where one cannot be. */
async function recordOne(scenario: Scenario, version: number, target: Target): Promise<Recorded> {
  try {
    return { scenario, version, outcomes: await runScenario(scenario, version, target) }
  } catch (error) {
    console.error(`${scenario.api.name}: ${scenario.name}: version ${version} failed`, error)
    process.exitCode = 1
    return { scenario, version, outcomes: [] }
  }
}

await main(process.argv.slice(2))
