/** For tests: every message that has a table, and arbitrary values for each. Not imported by production code. */
import fc from 'fast-check'
import { catalogue } from '../apis/index.ts'
import type { AnyApi, Message } from '../codec.ts'
import * as consumerProtocol from '../embedded/consumer-protocol.ts'
import * as controlRecords from '../embedded/control-records.ts'
import * as principal from '../embedded/principal.ts'
import * as streamsSubscription from '../embedded/streams-subscription.ts'
import { isCarried, standIn, zeroOf } from '../interpret.ts'
import * as clusterMetadata from '../persisted/cluster-metadata.ts'
import * as consumerGroups from '../persisted/consumer-groups.ts'
import * as files from '../persisted/files.ts'
import * as offsetsAndGroups from '../persisted/offsets-and-groups.ts'
import * as remoteLogMetadata from '../persisted/remote-log-metadata.ts'
import * as shareGroupState from '../persisted/share-group-state.ts'
import * as shareGroups from '../persisted/share-groups.ts'
import * as streamsGroups from '../persisted/streams-groups.ts'
import * as transactionState from '../persisted/transaction-state.ts'
import { type Field, type FieldType, isNullable, type Table } from '../types.ts'

export type AnyMessage = Message<Table>
export type Value = { [name: string]: unknown }

export const everyApi: readonly AnyApi[] = await Promise.all([...catalogue.values()].map((entry) => entry.load()))

export const everyData: readonly AnyMessage[] = [
  consumerProtocol,
  controlRecords,
  principal,
  streamsSubscription,
  clusterMetadata,
  consumerGroups,
  files,
  offsetsAndGroups,
  remoteLogMetadata,
  shareGroupState,
  shareGroups,
  streamsGroups,
  transactionState,
].flatMap((messages) => Object.values(messages))

export const everyMessage: readonly AnyMessage[] = [
  ...everyApi.flatMap((api): AnyMessage[] => [api.request, api.response]),
  ...everyData,
]

export function versionsOf(message: AnyMessage): number[] {
  const [first, last] = message.versions
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

/** Values that the version can carry; fields that it lacks are left out, and now and then those that may be. */
export function arbitraryOf(table: Table, version: number): fc.Arbitrary<Value> {
  const rows = Object.entries(table).filter(([, field]) => isCarried(field, version))
  const fields = rows.map(([name, field]) => {
    const values = arbitraryField(field, version)
    return [name, mayBeLeftOut(field, version) ? fc.option(values, { nil: undefined, freq: 6 }) : values]
  })
  return fc.record(Object.fromEntries(fields))
}

function mayBeLeftOut(field: Field<unknown, unknown, boolean>, version: number): boolean {
  return standIn(field, version) !== undefined
}

/** What a reader makes of a written value: absent fields have their defaults, omitted ones what they count as. */
export function completed(table: Table, version: number, value: Value): Value {
  const rows = Object.entries(table).map(([name, field]) => {
    const given = value[name] === undefined ? standIn(field, version) : value[name]
    return [name, isCarried(field, version) ? completedValue(field.type, version, given) : zeroOf(field)]
  })
  return Object.fromEntries(rows)
}

function completedValue(type: FieldType, version: number, value: unknown): unknown {
  if (value === null) return null
  if (type.kind === 'struct') return completed(type.table, version, value as Value)
  if (type.kind !== 'array') return value
  return (value as unknown[]).map((element) => completedValue(type.element, version, element))
}

function arbitraryField(field: Field<unknown, unknown, boolean>, version: number): fc.Arbitrary<unknown> {
  const values = arbitraryType(field.type, version)
  const zero = zeroOf(field)
  const isUsual = zero !== null && field.type.kind !== 'struct'
  const some = isUsual
    ? fc.oneof({ weight: 4, arbitrary: values }, { weight: 1, arbitrary: fc.constant(zero) })
    : values
  return isNullable(field.rules, version) ? fc.option(some, { freq: 4 }) : some
}

function arbitraryType(type: FieldType, version: number): fc.Arbitrary<unknown> {
  if (type.kind === 'struct') return arbitraryOf(type.table, version)
  if (type.kind === 'array') return fc.array(arbitraryType(type.element, version), { maxLength: 3 })
  return arbitraries[type.kind]
}

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
const large = fc.integer({ min: 1024, max: 5000 }).map((size) => Buffer.alloc(size, 7))

const arbitraries: { readonly [kind in Exclude<FieldType['kind'], 'struct' | 'array'>]: fc.Arbitrary<unknown> } = {
  bool: fc.boolean(),
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  uint16: fc.integer({ min: 0, max: 65535 }),
  int32: fc.integer(),
  uint32: fc.integer({ min: 0, max: 0xffffffff }),
  int64: fc.maxSafeInteger(),
  int64Saturating: fc.maxSafeInteger(),
  bigint64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float64: fc.double(),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((array) => Buffer.from(array).toString('base64url')),
  string: fc.string({ unit: 'grapheme', maxLength: 60 }),
  bytes,
  records: fc.oneof({ weight: 4, arbitrary: bytes }, { weight: 1, arbitrary: large }),
}
