import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { documentationOf } from './documentation.ts'
import { OTTLA_BROKER_KEYS, OTTLA_TOPIC_KEYS } from './ottla-keys.ts'
import {
  BROKER_DYNAMIC_ONLY_KEYS,
  BROKER_KEYS,
  brokerSynonyms,
  CLIENT_METRICS_RESOURCE_KEYS,
  GROUP_RESOURCE_KEYS,
  type KeyTable,
  TOPIC_KEYS,
} from './tables.ts'
import { violation } from './values.ts'

const facts = new URL('../../../../../shared/kafka/configs.json', import.meta.url)

interface Fact {
  readonly name: string
  readonly type: string
  readonly default?: string | null
  readonly importance: string
  readonly updateMode?: string
  readonly valid?: { readonly [rule: string]: unknown }
  readonly sensitive?: boolean
  readonly internal?: boolean
  readonly required?: boolean
  readonly brokerSynonyms?: unknown
  readonly brokerDefaultFrom?: string
  readonly minFrom?: string
  readonly maxFrom?: string
}

function compare(table: KeyTable, rows: readonly Fact[], own: readonly string[] = []): void {
  assert.deepEqual(
    [...table.keys()].filter((name) => !own.includes(name)),
    rows.map(({ name }) => name).sort(),
  )
  for (const fact of rows) {
    const key = table.get(fact.name)!
    const { min, max, also, oneOf } = key.valid
    const said = { min, max, also, oneOf, itemOneOf: key.valid.list?.itemOneOf, empty: key.valid.list?.emptyAllowed }
    const valid = fact.valid ?? {}
    const wanted = {
      ...{ min: valid['min'], max: valid['max'], also: valid['also'], oneOf: valid['oneOf'] },
      ...{ itemOneOf: valid['itemOneOf'], empty: valid['emptyListAllowed'] },
    }
    assert.deepEqual(said, wanted, fact.name)
    assert.deepEqual(
      [key.type, key.defaultValue, key.importance, key.sensitive, key.internal, key.required],
      [
        fact.type,
        fact.default ?? null,
        fact.importance,
        fact.sensitive ?? false,
        fact.internal ?? false,
        fact.required ?? false,
      ],
      fact.name,
    )
    if (fact.updateMode !== undefined) assert.equal(key.updateMode, fact.updateMode, fact.name)
    if (fact.brokerSynonyms !== undefined) assert.deepEqual(key.brokerSynonyms, fact.brokerSynonyms, fact.name)
    assert.deepEqual([key.defaultFrom, key.minFrom, key.maxFrom], [fact.brokerDefaultFrom, fact.minFrom, fact.maxFrom])
  }
}

test('the tables say what Kafka 4.2 says', { skip: !existsSync(facts) }, () => {
  const kafka = JSON.parse(readFileSync(facts, 'utf8')) as { [table: string]: readonly Fact[] } & {
    brokerSynonymGroups: string[][]
  }
  compare(
    BROKER_KEYS,
    kafka['broker']!,
    OTTLA_BROKER_KEYS.map(({ name }) => name),
  )
  compare(
    TOPIC_KEYS,
    kafka['topic']!,
    OTTLA_TOPIC_KEYS.map(({ name }) => name),
  )
  compare(BROKER_DYNAMIC_ONLY_KEYS, kafka['brokerDynamicOnly']!)
  compare(GROUP_RESOURCE_KEYS, kafka['group']!)
  compare(CLIENT_METRICS_RESOURCE_KEYS, kafka['clientMetrics']!)
  for (const group of kafka.brokerSynonymGroups) assert.deepEqual(brokerSynonyms(group[0]!), group)
})

test('every default is a legal value of its key', () => {
  for (const table of [
    BROKER_KEYS,
    TOPIC_KEYS,
    GROUP_RESOURCE_KEYS,
    CLIENT_METRICS_RESOURCE_KEYS,
    BROKER_DYNAMIC_ONLY_KEYS,
  ]) {
    for (const key of table.values()) {
      if (key.defaultValue !== null) assert.equal(violation(key, key.defaultValue), null, key.name)
    }
  }
})

test('every key that stands in for another exists', () => {
  for (const key of TOPIC_KEYS.values())
    for (const { name } of key.brokerSynonyms) assert.ok(BROKER_KEYS.has(name), name)
  for (const key of GROUP_RESOURCE_KEYS.values()) {
    for (const name of [key.defaultFrom, key.minFrom, key.maxFrom]) {
      if (name !== undefined) assert.ok(BROKER_KEYS.has(name), name)
    }
  }
})

test('every topic key is documented, and a name outside of the tables is not', () => {
  for (const name of TOPIC_KEYS.keys()) assert.ok(documentationOf('topic', name), name)
  assert.equal(documentationOf('topic', 'no.such.key'), null)
  assert.equal(documentationOf('no kind', 'listeners'), null)
})
