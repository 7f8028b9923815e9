/**
 * The tables against the facts of Kafka 4.2: a folder beside the repository that not every machine has, so these tests
 * are skipped, by name, where it is missing.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { Reader, Writer } from './bytes.ts'
import { type Codec, decode, encode } from './codec.ts'
import { errorCode, errorNames, isRetriable } from './errors.ts'
import { readRequestHeader, readResponseHeader, writeRequestHeader, writeResponseHeader } from './frame.ts'
import { interpretRead, interpretWrite, zeroOf } from './interpret.ts'
import { type AnyMessage, everyApi, everyData, everyMessage, type Value } from './testing/every-message.ts'
import type { FieldType, Rules, Table } from './types.ts'

const folder = resolve(import.meta.dirname, '../../../../shared/kafka')
const skip = existsSync(folder) ? false : 'the facts of Kafka are not on this machine'
const facts = (name: string): string => readFileSync(resolve(folder, name), 'utf8')

type FactField = {
  name: string
  type: string
  versions: string
  nullableVersions?: string
  taggedVersions?: string
  tag?: number
  default?: unknown
  ignorable?: boolean
  fields?: FactField[]
}
type FactMessage = {
  name: string
  type: string
  apiKey?: number
  listeners?: string[]
  validVersions: string
  flexibleVersions: string
  latestVersionUnstable?: boolean
  fields: FactField[]
  commonStructs?: { name: string; fields: FactField[] }[]
}
type Range = readonly [number, number]
type Row = {
  path: string
  type: string
  versions: Range
  nullable: Range
  tag: string
  default: string
  ignorable: boolean
}

const never: Range = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
const primitives = new Set('bool int8 int16 uint16 int32 uint32 int64 float64 string bytes records uuid'.split(' '))

function rangeOf(text: string | undefined): Range {
  const match = /^(\d+)(\+|-(\d+))?$/.exec(text ?? 'none')
  if (!match) return never
  const first = Number(match[1])
  if (match[2] === '+') return [first, Number.POSITIVE_INFINITY]
  return [first, match[3] === undefined ? first : Number(match[3])]
}

function meet(one: Range, other: Range): Range {
  const [first, last] = [Math.max(one[0], other[0]), Math.min(one[1], other[1])]
  return first <= last ? [first, last] : never
}

/** Every field, nested ones too, with the versions in which it really occurs. */
function rowsOfFacts(message: FactMessage, fields: FactField[], within: Range, path = ''): Row[] {
  return fields.flatMap((field) => {
    const versions = meet(within, rangeOf(field.versions))
    const element = field.type.replace('[]', '')
    const isStruct = !primitives.has(element)
    const name = `${path}.${field.name[0]!.toLowerCase()}${field.name.slice(1)}`
    const common = message.commonStructs?.find((struct) => struct.name === element)?.fields
    const nested = isStruct ? rowsOfFacts(message, field.fields ?? common!, versions, name) : []
    const tagFrom = meet(versions, rangeOf(field.taggedVersions))[0]
    const row: Row = {
      path: name,
      type: isStruct ? field.type.replace(element, 'struct') : field.type,
      versions,
      nullable: meet(versions, rangeOf(field.nullableVersions)),
      tag: field.tag === undefined ? 'none' : `${field.tag} from ${tagFrom}`,
      default: defaultOfFact(field, element),
      ignorable: field.ignorable ?? false,
    }
    return [row, ...nested]
  })
}

function defaultOfFact(field: FactField, element: string): string {
  if (field.default !== undefined) return String(field.default)
  if (field.type.startsWith('[]')) return ''
  if (!primitives.has(element)) return 'struct'
  if (element === 'bool') return 'false'
  if (element === 'records') return 'null'
  if (element === 'uuid') return 'A'.repeat(22)
  return element === 'string' || element === 'bytes' ? '' : '0'
}

function rowsOfTable(table: Table, within: Range, path = ''): Row[] {
  return Object.entries(table).flatMap(([name, field]) => {
    const { rules, type } = field
    const versions = meet(within, [rules.since, rules.until])
    const element = type.kind === 'array' ? type.element : type
    const nested = element.kind === 'struct' ? rowsOfTable(element.table, versions, `${path}.${name}`) : []
    const row: Row = {
      path: `${path}.${name}`,
      type: `${type.kind === 'array' ? '[]' : ''}${plainKind(element)}`,
      versions,
      nullable: meet(versions, [rules.nullableFrom, rules.nullableTo]),
      tag: tagOf(rules, versions),
      default: type.kind === 'struct' && rules.default === undefined ? 'struct' : String(zeroOf(field)),
      ignorable: rules.ignorable,
    }
    return [row, ...nested]
  })
}

function plainKind(type: FieldType): string {
  return type.kind === 'int64Saturating' || type.kind === 'bigint64' ? 'int64' : type.kind
}

function tagOf(rules: Rules, versions: Range): string {
  return rules.tag === null ? 'none' : `${rules.tag} from ${Math.max(versions[0], rules.tagFrom)}`
}

function factMessages(): FactMessage[] {
  const all = ['messages.json', 'records.json'].flatMap((name) => JSON.parse(facts(name)) as FactMessage[])
  return all.filter((message) => message.validVersions !== 'none')
}

test('every message of Kafka has a table, and no table is without a message', { skip }, () => {
  const expected = factMessages().filter((message) => message.type !== 'header')
  const names = everyMessage.map((message) => message.name)
  assert.equal(new Set(names).size, names.length)
  assert.deepEqual(names.toSorted(), expected.map((message) => message.name).toSorted())
})

test('every table has the fields of Kafka in order, with their versions, tags, nulls and defaults', { skip }, () => {
  for (const fact of factMessages().filter((message) => message.type !== 'header')) {
    const message = everyMessage.find(({ name }) => name === fact.name)!
    const [first, last] = rangeOf(fact.validVersions)
    assert.deepEqual(message.versions, [first, last], `${fact.name}: versions`)
    const flexible = meet(message.versions, rangeOf(fact.flexibleVersions))[0]
    assert.equal(Math.max(first, message.flexible), flexible, `${fact.name}: flexible`)
    assert.deepEqual(
      rowsOfTable(message.table, message.versions),
      rowsOfFacts(fact, fact.fields, message.versions),
      fact.name,
    )
  }
})

test('every API has the key, listeners and stability of Kafka', { skip }, () => {
  const requests = factMessages().filter((message) => message.type === 'request')
  assert.equal(everyApi.length, requests.length)
  for (const api of everyApi) {
    const fact = requests.find(({ apiKey }) => apiKey === api.key)!
    assert.equal(`${api.name}Request`, fact.name)
    assert.deepEqual(api.listeners, fact.listeners)
    assert.equal(api.unstableLast, fact.latestVersionUnstable ?? false)
  }
})

test('every stored record has the type that marks it in its store', { skip }, () => {
  for (const fact of factMessages()) {
    const message = everyData.find(({ name }) => name === fact.name)
    if (message) assert.equal('type' in message ? message.type : -1, fact.apiKey ?? -1, fact.name)
  }
})

test('every error has the code and retriability of Kafka', { skip }, () => {
  const lines = facts('errors.tsv').trim().split('\n').slice(1)
  const ours = errorNames.map((name) => `${errorCode(name)}\t${name}\t${isRetriable(name) ? 'yes' : 'no'}`)
  assert.deepEqual(ours, lines)
})

// ---- golden bytes

type Vector = { name: string; version: number; value: Value; hex: string }

function vectors(): Vector[] {
  const lines = facts('vectors.ndjson').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Vector)
}

/** JSON has neither bytes nor bigint; the table tells where they belong. A key left out means the default. */
function fromJson(table: Table, value: Value): Value {
  assert.deepEqual(
    Object.keys(value).filter((name) => !(name in table)),
    [],
  )
  return Object.fromEntries(
    Object.entries(table).map(([name, field]) => {
      return [name, name in value ? convert(field.type, value[name]) : zeroOf(field)]
    }),
  )
}

function convert(type: FieldType, value: unknown): unknown {
  if (value === null) return null
  if (type.kind === 'array') return (value as unknown[]).map((element) => convert(type.element, element))
  if (type.kind === 'struct') return fromJson(type.table, value as Value)
  if (type.kind === 'bytes' || type.kind === 'records') return Buffer.from(value as string, 'base64')
  return type.kind === 'bigint64' ? BigInt(value as number) : value
}

function checkVector(message: AnyMessage, { name, version, value, hex }: Vector): void {
  const given = fromJson(message.table, value)
  const codec = message.at(version) as Codec<Value, Value>
  const form = { table: message.table, version, flexible: version >= message.flexible }
  const bytes = Buffer.from(hex, 'hex')
  assert.equal(encode(codec, given).toString('hex'), hex, `${name} v${version}`)
  const writer = new Writer()
  interpretWrite(form, writer, given)
  assert.equal(writer.toBuffer().toString('hex'), hex, `${name} v${version} interpreted`)
  const read = decode(codec, bytes)
  assert.deepEqual(interpretRead(form, new Reader(bytes)), read, `${name} v${version} interpreted`)
  assert.equal(encode(codec, read).toString('hex'), hex, `${name} v${version} read and written`)
}

test('every golden vector is encoded and decoded to exactly its bytes, compiled and interpreted', { skip }, () => {
  let checked = 0
  for (const vector of vectors()) {
    const message = everyMessage.find(({ name }) => name === vector.name)
    if (!message) continue
    checkVector(message, vector)
    checked++
  }
  assert.equal(checked, vectors().filter(({ name }) => !/^(Request|Response)Header$/.test(name)).length)
  assert.ok(checked > 1000)
})

test('golden request headers are written to their bytes and read back', { skip }, () => {
  for (const { version, value, hex } of vectors().filter(({ name }) => name === 'RequestHeader')) {
    const writer = new Writer()
    const [apiKey, apiVersion] = [value['requestApiKey'] as number, value['requestApiVersion'] as number]
    const [correlationId, clientId] = [value['correlationId'] as number, value['clientId'] as string | null]
    writeRequestHeader(writer, version as 1 | 2, { apiKey, apiVersion, correlationId, clientId })
    assert.equal(writer.toBuffer().toString('hex'), hex)
    const reader = new Reader(Buffer.from(hex, 'hex'))
    const header = readRequestHeader(reader, () => (version === 2 ? apiVersion : Number.POSITIVE_INFINITY))
    assert.deepEqual(header, { apiKey, apiVersion, correlationId, clientId: clientId ?? '' })
    reader.finish()
  }
})

test('golden response headers are written to their bytes and read back', { skip }, () => {
  for (const { version, value, hex } of vectors().filter(({ name }) => name === 'ResponseHeader')) {
    const writer = new Writer()
    writeResponseHeader(writer, version as 0 | 1, value['correlationId'] as number)
    assert.equal(writer.toBuffer().toString('hex'), hex)
    const reader = new Reader(Buffer.from(hex, 'hex'))
    assert.equal(readResponseHeader(reader, version as 0 | 1), value['correlationId'])
    reader.finish()
  }
})
