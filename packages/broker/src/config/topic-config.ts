/**
 * The effective settings of a topic: its own values, else the broker's keys that stand in for them, else the default.
 * Also what values a topic may be given.
 */
import { assert } from '@ottla/base/assert.ts'
import { type BrokerConfig, CONFIG_SOURCE, type ConfigSetting } from './broker-config.ts'
import type { BrokerSynonym, ConfigKey } from './key.ts'
import { nearest } from './nearest.ts'
import { TOPIC_KEYS } from './tables.ts'
import { items, VALUE_LENGTH_MAX, violation } from './values.ts'

const UNIT_MS = { minutes: 60_000, hours: 3_600_000 } as const

export class TopicConfig {
  readonly #broker: BrokerConfig
  readonly #own: ReadonlyMap<string, string>

  constructor(broker: BrokerConfig, own: ReadonlyMap<string, string>) {
    this.#broker = broker
    this.#own = own
  }

  /** Null for `internal.segment.bytes` alone, which has no default. */
  text(name: string): string | null {
    const key = TOPIC_KEYS.get(name)
    assert(key !== undefined, `"${name}" is not a topic key`)
    return this.#own.get(name) ?? fromBroker(key, this.#broker) ?? key.defaultValue
  }

  /** Values of 64 bits are rounded to a double: only 9223372036854775807 (never, unlimited) is meant to be that large. */
  number(name: string): number {
    const text = this.text(name)
    assert(text !== null, `Topic key "${name}" has no value`)
    return Number(text)
  }

  boolean(name: string): boolean {
    return this.text(name) === 'true'
  }

  list(name: string): string[] {
    return items(this.text(name) ?? '')
  }

  /** Where the value comes from and what stands behind it, strongest first; empty: only the default of the table. */
  settings(name: string): ConfigSetting[] {
    const own = this.#own.get(name)
    const primary = TOPIC_KEYS.get(name)?.brokerSynonyms[0]
    const behind = primary === undefined ? [] : this.#broker.settings(primary.name)
    return own === undefined ? behind : [{ name, value: own, source: CONFIG_SOURCE.topic }, ...behind]
  }

  get compacted(): boolean {
    return this.list('cleanup.policy').includes('compact')
  }

  /** Whether old segments go by age and size. */
  get deleted(): boolean {
    return this.list('cleanup.policy').includes('delete')
  }

  get segmentBytes(): number {
    return Number(this.text('internal.segment.bytes') ?? this.text('segment.bytes'))
  }

  /** A compacted topic rolls early enough for `max.compaction.lag.ms` to be kept. */
  get segmentMs(): number {
    const segmentMs = this.number('segment.ms')
    return this.compacted ? Math.min(this.number('max.compaction.lag.ms'), segmentMs) : segmentMs
  }

  /** -1: for ever. */
  get retentionMs(): number {
    return Math.max(-1, this.number('retention.ms'))
  }

  /** Negative: without limit. */
  get retentionBytes(): number {
    return this.number('retention.bytes')
  }
}

/** The value of the first of the broker's keys that is set, in the topic's unit; null when none has even a default. */
function fromBroker(key: ConfigKey, broker: BrokerConfig): string | null {
  const set = key.brokerSynonyms.find((synonym) => broker.isSet(synonym.name))
  // Defaults count last: log.retention.hours has one, and a topic's own default says the same.
  return set === undefined ? null : inTopicUnit(broker.text(set.name)!, set)
}

function inTopicUnit(text: string, synonym: BrokerSynonym): string {
  if (synonym.unit === undefined) return text
  const value = Number(text)
  return String(value < 0 ? -1 : value * UNIT_MS[synonym.unit])
}

/** What is wrong with a topic's own values, as a sentence; null when nothing is. */
export function topicConfigProblem(own: ReadonlyMap<string, string>, broker: BrokerConfig): string | null {
  for (const [name, value] of own) {
    const problem = topicValueProblem(name, value)
    if (problem !== null) return problem
  }
  return lagProblem(new TopicConfig(broker, own)) ?? tieredProblem(new TopicConfig(broker, own))
}

function topicValueProblem(name: string, value: string): string | null {
  const key = TOPIC_KEYS.get(name)
  if (key === undefined) {
    const meant = nearest(name, TOPIC_KEYS.keys())
    return `Unknown topic config name: ${name}${meant === null ? '' : ` (did you mean ${meant}?)`}`
  }
  if (value.length > VALUE_LENGTH_MAX) return `Invalid value for configuration ${name}: longer than ${VALUE_LENGTH_MAX}`
  const wrong = violation(key, value)
  return wrong === null ? null : `Invalid value ${value} for configuration ${name}: ${wrong}`
}

function lagProblem(topic: TopicConfig): string | null {
  if (BigInt(topic.text('min.compaction.lag.ms')!) <= BigInt(topic.text('max.compaction.lag.ms')!)) return null
  return 'Invalid value for configuration min.compaction.lag.ms: it is more than max.compaction.lag.ms'
}

function tieredProblem(topic: TopicConfig): string | null {
  // Segments that only a remote tier would hold must not be promised to anybody: there is none here.
  if (!topic.boolean('remote.storage.enable')) return null
  return 'Invalid value true for configuration remote.storage.enable: tiered storage is not there'
}
