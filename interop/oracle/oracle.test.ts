import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import type { AnyApi } from '@ottla/protocol/codec.ts'
import { KAFKA_VERSION } from '../apache-kafka.ts'
import { differences } from './compare.ts'
import { coverageNow, coverageText, staleWaits, uncoveredIds, unknownIds } from './coverage.ts'
import { KEPT_DIFFERENCES, type KeptDifference, keptFor } from './kept-differences.ts'
import { Ottla } from './ottla.ts'
import { PROFILE_NAMES, type ProfileName } from './profiles.ts'
import { Recording } from './recording.ts'
import { runScenario } from './run.ts'
import type { Scenario } from './scenario.ts'
import { SCENARIOS, versionsOf } from './scenarios/index.ts'
import { type ServedVersions, servedByBoth, versionsAsked } from './version-coverage.ts'

const DIFFERENCES = new URL('../../docs/differences.md', import.meta.url)
/** Where a broker is alone, Kafka would forget the very broker that is asked. */
const CANNOT_BE_ASKED = ['UnregisterBroker v0 well']
/** May only fall. */
const UNCOVERED_MAX = 85
/** Of one scenario, so that a failure can be read. */
const SHOWN_MAX = 12

const met = new Set<KeptDifference>()

for (const [api, scenarios] of Map.groupBy(SCENARIOS, ({ api }) => api)) {
  describe(`${api.name} answers as Apache Kafka ${KAFKA_VERSION} does`, () => {
    const brokers = new Map<ProfileName, Ottla>()
    const recording = Recording.of(api)
    before(async () => {
      const profiles = new Set(scenarios.map(({ profile = 'plain' }) => profile))
      for (const name of PROFILE_NAMES) if (profiles.has(name)) brokers.set(name, await Ottla.start(name))
    })
    after(async () => {
      for (const broker of brokers.values()) await broker[Symbol.asyncDispose]()
    })

    test('the recording is of this version of Kafka', () => assert.equal(recording.kafkaVersion, KAFKA_VERSION))

    for (const scenario of scenarios) {
      test(scenario.name, async () => {
        const broker = brokers.get(scenario.profile ?? 'plain')!
        const found = await unexplained(scenario, recording, broker)
        assert.deepEqual(found.slice(0, SHOWN_MAX), [], `${found.length} differences`)
      })
    }
  })
}

describe('what is known about the oracle', () => {
  test('each scenario has a name of its own', () => {
    const names = SCENARIOS.map(({ api, name }) => `${api.name}: ${name}`)
    assert.equal(new Set(names).size, names.length)
  })

  test('docs/oracle-coverage.md is up to date (interop/oracle/coverage.ts writes it)', () => {
    assert.deepEqual(unknownIds(), [])
    assert.equal(coverageNow(), coverageText())
  })

  test('no more lines of semantics.md are without a scenario than before', () => {
    assert.ok(uncoveredIds().length <= UNCOVERED_MAX, `${uncoveredIds().length} lines are not covered`)
  })

  test('what a line waits for is said only of lines without a scenario', () => assert.deepEqual(staleWaits(), []))

  test('each version of each API was asked well and badly', async () => {
    const missing: string[] = []
    for (const { api, versions } of await apisOfBoth()) {
      const scenarios = SCENARIOS.filter((scenario) => scenario.api === api)
      const recording = Recording.of(api)
      const asked = versionsAsked(api, scenarios, (scenario, version) => recording.outcomes(scenario, version))
      for (const [how, seen] of Object.entries(asked) as [string, ReadonlySet<number>][]) {
        missing.push(
          ...versions.filter((version) => !seen.has(version)).map((version) => `${api.name} v${version} ${how}`),
        )
      }
    }
    assert.deepEqual(missing, CANNOT_BE_ASKED)
  })

  test('each kept difference has its reason in docs/differences.md', () => {
    const chapters = [...readFileSync(DIFFERENCES, 'utf8').matchAll(/^## (.*)$/gm)].map(([, title]) => title)
    const reasons = new Set(KEPT_DIFFERENCES.map(({ reason }) => reason))
    assert.deepEqual(
      [...reasons].filter((reason) => !chapters.includes(reason)),
      [],
    )
  })

  test('each kept difference is still one', () => {
    assert.deepEqual(
      KEPT_DIFFERENCES.filter((kept) => !met.has(kept)),
      [],
    )
  })
})

/** Also in versions that only some settings allow. */
async function apisOfBoth(): Promise<ServedVersions[]> {
  const scenario = SCENARIOS.find(({ api, profile }) => api === ApiVersions && profile === 'strict')!
  const version = ApiVersions.versions[1]
  await using ottla = await Ottla.start('strict')
  const [ours] = await runScenario(scenario, version, ottla.target)
  const [theirs] = Recording.of(ApiVersions).outcomes(scenario, version) ?? []
  return await servedByBoth(theirs as never, ours as never)
}

/** The differences that nothing explains, each as one line, with the versions that it was seen in. */
async function unexplained(scenario: Scenario, recording: Recording, broker: Ottla): Promise<string[]> {
  const versions = new Map<string, number[]>()
  for (const version of versionsOf(scenario)) {
    const kafka = recording.outcomes(scenario, version)
    assert.ok(kafka, `Version ${version} was not recorded: run interop/oracle/record.ts ${scenario.api.name}`)
    const ottla = asRecorded(await runScenario(scenario, version, broker.target))
    for (const difference of differences(kafka, ottla)) {
      const kept = keptFor({ api: nameOf(scenario.api), scenario: scenario.name }, difference)
      if (kept) met.add(kept)
      else versions.getOrInsert(lineOf(difference), []).push(version)
    }
  }
  return [...versions].map(([line, seen]) => `v${seen.join(',')} ${line}`)
}

const nameOf = ({ name }: AnyApi): string => name

/** As JSON gives it back: without undefined, for one. */
function asRecorded(outcomes: readonly unknown[]): readonly unknown[] {
  return JSON.parse(JSON.stringify(outcomes)) as readonly unknown[]
}

function lineOf({ path, kafka, ottla }: { path: string; kafka: unknown; ottla: unknown }): string {
  return `${path}: Kafka ${JSON.stringify(kafka)}, Ottla ${JSON.stringify(ottla)}`
}
