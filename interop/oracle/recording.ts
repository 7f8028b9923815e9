/**
 * Owns `recorded/`: what Apache Kafka answered. One file an API; its first line tells Kafka's version, each other line
 * is one scenario in one or more versions that were answered alike:
 * `{"scenario":"…","versions":[3,4],"outcomes":[…]}`, an outcome a step.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { AnyApi } from '@ottla/protocol/codec.ts'
import { KAFKA_VERSION } from '../apache-kafka.ts'
import type { Scenario } from './scenario.ts'

const DIRECTORY = new URL('recorded/', import.meta.url)

interface Line {
  readonly scenario: string
  readonly versions: readonly number[]
  readonly outcomes: readonly unknown[]
}

/** What Kafka answered, by scenario and version. */
export class Recording {
  readonly kafkaVersion: string
  readonly #outcomes = new Map<string, readonly unknown[]>()

  /** An empty one where nothing was recorded. */
  static of(api: AnyApi): Recording {
    const path = pathOf(api)
    return new Recording(existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [])
  }

  private constructor([head, ...lines]: readonly string[]) {
    this.kafkaVersion = head === undefined ? '' : (JSON.parse(head) as { kafka: string }).kafka
    for (const line of lines) {
      const { scenario, versions, outcomes } = JSON.parse(line) as Line
      for (const version of versions) this.#outcomes.set(`${scenario} v${version}`, outcomes)
    }
  }

  outcomes(scenario: Scenario, version: number): readonly unknown[] | undefined {
    return this.#outcomes.get(`${scenario.name} v${version}`)
  }
}

export interface Recorded {
  readonly scenario: Scenario
  readonly version: number
  readonly outcomes: readonly unknown[]
}

/** Replaces the file of an API. */
export function writeRecording(api: AnyApi, recorded: readonly Recorded[]): void {
  const lines = new Map<string, { scenario: string; versions: number[]; outcomes: string }>()
  for (const { scenario, version, outcomes } of recorded) {
    const text = JSON.stringify(outcomes)
    const line = lines.getOrInsert(`${scenario.name} ${text}`, {
      scenario: scenario.name,
      versions: [],
      outcomes: text,
    })
    line.versions.push(version)
  }
  const rows = [...lines.values()].map(({ scenario, versions, outcomes }) => {
    return `{"scenario":${JSON.stringify(scenario)},"versions":${JSON.stringify(versions)},"outcomes":${outcomes}}`
  })
  writeFileSync(pathOf(api), [JSON.stringify({ kafka: KAFKA_VERSION, api: api.name }), ...rows, ''].join('\n'))
}

function pathOf({ key, name }: AnyApi): URL {
  const words = name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()
  return new URL(`${String(key).padStart(2, '0')}-${words}.ndjson`, DIRECTORY)
}
