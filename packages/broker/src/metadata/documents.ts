/**
 * The documents of the metadata store: their keys, their JSON and their schema versions. Owns the form only; what the
 * documents mean together is `changes.ts`.
 *
 *   key                        document (JSON, compact; `v` is the schema version, 1 where nothing else is said)
 *   cluster                    { v, clusterId }                    written once, by the first broker
 *   features                   { v, levels: { name: level } }      finalized features; v 2 from `ottla.metadata` 2 on
 *   controller                 { v, broker }                       tied to the controller's lease; its revision is the
 *                                                                  controller's epoch, compared by each of its commits
 *   brokers/<id>               { v, incarnation, rack, listeners, fenced, epoch, directories?, lostData? }
 *                                                                  epoch null: the revision of this very document
 *   supports/<id>              { v, incarnation, features: { name: [min, max] } }
 *                                                                  the levels that the broker of this incarnation can
 *                                                                  work at; a document of its own, because controllers of
 *                                                                  before write registrations without what they do not know
 *   alive/<id>                 { v, incarnation, stopping }        tied to the broker's own lease: there as long as the
 *                                                                  broker is heard of, from when it is ready to serve
 *   silent/<id>/<by>           { v, sign }                         broker <by> follows <id> and hears nothing from it, whose
 *                                                                  sign of life is of that revision; tied to <by>'s lease
 *   names/<name>               { v, id }                           so that one name is never created twice
 *   topics/<id>                { v, name, partitions, configs }    partitions: how many of them count
 *   partitions/<id>/<first>    { v, partitions: [[replicas, isr, leader, leaderEpoch, partitionEpoch, elr?]] }
 *                                                                  consecutive, from index <first> (6 digits) on; v 2
 *                                                                  while one of them is reassigned: its row goes on
 *                                                                  [… elr (may be empty), adding, removing]
 *   configs/<type>/<name>      { v, values: { key: value } }       type: broker, group, client-metrics
 *   producer-ids               { v, next }                         the first id that no broker was given
 *
 * Validity: a shard holds at most SHARD_PARTITIONS_MAX partitions; it is laid out for SHARD_BYTES_MAX bytes, and never
 * holds more than SHARD_BYTES_LIMIT, whatever becomes of its partitions' replicas. Shards of a topic lie end to end.
 * Several versions: a broker stops at a schema version that it does not know, rather than act on half of a document. So
 * a form that the version before could not read, or would damage by writing what it knows of it, has a `v` of its own and
 * is written only once the level of `ottla.metadata` says that every broker knows it (`features.ts`); `features` itself
 * gets a new `v` then, which keeps out versions that do not look at levels. A field may be added within one `v` only where
 * losing it does no harm: unknown fields are not read, and not kept by who writes the document anew. Unknown keys are let be.
 * Crash rule: what does not fit one commit is written shards first, topic document last, and removed topic document
 * first; so a topic is whole or absent, and shards without a topic (or beyond its count) are garbage that the next
 * controller removes.
 */
import { assert } from '@ottla/base/assert.ts'
import { metadataLevel } from './features.ts'
import {
  type AliveImage,
  type BrokerListener,
  type BrokerRegistration,
  type ConfigResourceType,
  isReassigned,
  type PartitionImage,
  type SecurityProtocol,
  type SupportsImage,
  type Uuid,
} from './image.ts'

const SCHEMA_VERSION = 1
/** What keeps out versions that do not look at the levels in it. */
const FEATURES_SCHEMA_VERSION = 2
/** Of shards in which a partition is reassigned. */
const MOVING_SCHEMA_VERSION = 2
export const SHARD_PARTITIONS_MAX = 64
export const SHARD_BYTES_MAX = 16 * 1024
/** Where partitions came to have more replicas than their shard was laid out for. */
export const SHARD_BYTES_LIMIT = 64 * 1024
/** So that a shard that is full of such partitions stays within its limit. */
export const PARTITION_BYTES_MAX = 1000
/** Of a partition's row, but for its lists: an index, two epochs, brackets and commas. */
const ROW_BYTES_MAX = 64
/** No more than Kafka accepts in one request; also what six digits of a shard's key can hold. */
export const PARTITIONS_PER_TOPIC_MAX = 999_999

/** A document that this version cannot read: written by a later version, or damaged. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError'
}

export const CLUSTER_KEY = 'cluster'
export const FEATURES_KEY = 'features'
export const CONTROLLER_KEY = 'controller'
export const PRODUCER_IDS_KEY = 'producer-ids'

assert(SHARD_PARTITIONS_MAX * (PARTITION_BYTES_MAX + 1) + 64 <= SHARD_BYTES_LIMIT, 'A full shard fits')

export const brokerKey = (id: number): string => `brokers/${id}`
export const supportsKey = (id: number): string => `supports/${id}`
export const aliveKey = (id: number): string => `alive/${id}`
export const silentKey = (id: number, by: number): string => `silent/${id}/${by}`
export const nameKey = (name: string): string => `names/${name}`
export const topicKey = (id: Uuid): string => `topics/${id}`
export const shardKey = (id: Uuid, first: number): string => `partitions/${id}/${String(first).padStart(6, '0')}`
export const configDocumentKey = (type: ConfigResourceType, name: string): string => `configs/${type}/${name}`

/** How many partitions of this replication factor a shard may hold. */
export function partitionsPerShard(replicationFactor: number): number {
  // Ids of up to 10 digits and a comma; replicas, ISR and eligible leaders double while a reassignment runs.
  const bytesMax = ROW_BYTES_MAX + replicationFactor * 2 * (11 + 11 + 11)
  return Math.max(1, Math.min(SHARD_PARTITIONS_MAX, Math.floor(SHARD_BYTES_MAX / bytesMax)))
}

export interface BrokerDocument extends Omit<BrokerRegistration, 'id' | 'epoch' | 'revision'> {
  readonly epoch: number | null
}

export type AliveDocument = Omit<AliveImage, 'revision'>

export interface TopicDocument {
  readonly name: string
  readonly partitionCount: number
  readonly configs: ReadonlyMap<string, string>
}

export function encodeCluster(clusterId: string): string {
  return encode({ clusterId })
}

export function decodeCluster(text: string): string {
  return stringOf(decode(CLUSTER_KEY, text)['clusterId'])
}

export function encodeFeatures(levels: ReadonlyMap<string, number>): string {
  const version = metadataLevel({ levels }) >= 2 ? FEATURES_SCHEMA_VERSION : SCHEMA_VERSION
  return encode({ levels: Object.fromEntries(levels) }, version)
}

export function decodeFeatures(text: string): ReadonlyMap<string, number> {
  const { levels } = decode(FEATURES_KEY, text, FEATURES_SCHEMA_VERSION)
  return new Map(Object.entries(objectOf(levels)).map(([name, level]) => [name, numberOf(level)]))
}

export function encodeController(brokerId: number): string {
  return encode({ broker: brokerId })
}

export function decodeController(text: string): number {
  return numberOf(decode(CONTROLLER_KEY, text)['broker'])
}

export function encodeBroker(broker: BrokerDocument): string {
  const { incarnation, rack, listeners, fenced, epoch, directories, lostData } = broker
  return encode({ incarnation, rack, listeners, fenced, epoch, directories, ...(lostData ? { lostData } : {}) })
}

export function decodeBroker(key: string, text: string): BrokerDocument {
  const fields = decode(key, text)
  return {
    incarnation: stringOf(fields['incarnation']),
    rack: fields['rack'] === null ? null : stringOf(fields['rack']),
    listeners: arrayOf(fields['listeners']).map(decodeListener),
    fenced: fields['fenced'] === true,
    epoch: fields['epoch'] === null ? null : numberOf(fields['epoch']),
    directories: fields['directories'] === undefined ? [] : arrayOf(fields['directories']).map(stringOf),
    lostData: fields['lostData'] === true,
  }
}

export function encodeSupports({ incarnation, ranges }: SupportsImage): string {
  return encode({ incarnation, features: Object.fromEntries(ranges) })
}

export function decodeSupports(key: string, text: string): SupportsImage {
  const fields = decode(key, text)
  const ranges = Object.entries(objectOf(fields['features'])).map(([name, range]) => {
    const [min, max] = arrayOf(range).map(numberOf)
    return [name, [numberOf(min), numberOf(max)]] as const
  })
  return { incarnation: stringOf(fields['incarnation']), ranges: new Map(ranges) }
}

export function encodeAlive({ incarnation, stopping }: AliveDocument): string {
  return encode({ incarnation, stopping })
}

export function decodeAlive(key: string, text: string): AliveDocument {
  const fields = decode(key, text)
  return { incarnation: stringOf(fields['incarnation']), stopping: fields['stopping'] === true }
}

/** `sign`: the revision of the silent broker's sign of life, so that a later one is never meant. */
export function encodeSilent(sign: number): string {
  return encode({ sign })
}

export function decodeSilent(key: string, text: string): number {
  return numberOf(decode(key, text)['sign'])
}

export function encodeName(id: Uuid): string {
  return encode({ id })
}

export function encodeTopic(topic: TopicDocument): string {
  return encode({ name: topic.name, partitions: topic.partitionCount, configs: Object.fromEntries(topic.configs) })
}

export function decodeTopic(key: string, text: string): TopicDocument {
  const fields = decode(key, text)
  return {
    name: stringOf(fields['name']),
    partitionCount: numberOf(fields['partitions']),
    configs: textMap(fields['configs']),
  }
}

export function encodeShard(partitions: readonly PartitionImage[]): string {
  assert(partitions.length > 0 && partitions.length <= SHARD_PARTITIONS_MAX, 'A shard holds 1 to 64 partitions')
  const version = partitions.some(isReassigned) ? MOVING_SCHEMA_VERSION : SCHEMA_VERSION
  const text = encode({ partitions: partitions.map(rowOf) }, version)
  assert(text.length <= SHARD_BYTES_LIMIT, `A shard document has ${text.length} bytes of at most ${SHARD_BYTES_LIMIT}`)
  return text
}

function rowOf(partition: PartitionImage): readonly unknown[] {
  const { replicas, isr, leader, leaderEpoch, partitionEpoch, elr } = partition
  const row = [replicas, isr, leader, leaderEpoch, partitionEpoch]
  if (isReassigned(partition)) {
    return [...row, elr ?? [], partition.addingReplicas ?? [], partition.removingReplicas ?? []]
  }
  return elr === undefined ? row : [...row, elr]
}

/** The bytes that a partition with these replicas can come to take: each of them is once more in the ISR or the ELR, and once in what comes or goes. */
export function partitionBytesMax(replicas: readonly number[]): number {
  return ROW_BYTES_MAX + 3 * JSON.stringify(replicas).length
}

export function decodeShard(key: string, text: string, first: number): PartitionImage[] {
  return arrayOf(decode(key, text, MOVING_SCHEMA_VERSION)['partitions']).map((row, i) =>
    decodePartition(arrayOf(row), first + i),
  )
}

export function encodeConfig(values: ReadonlyMap<string, string>): string {
  return encode({ values: Object.fromEntries(values) })
}

export function decodeConfig(key: string, text: string): ReadonlyMap<string, string> {
  return textMap(decode(key, text)['values'])
}

export function encodeProducerIds(next: number): string {
  return encode({ next })
}

export function decodeProducerIds(text: string): number {
  return numberOf(decode(PRODUCER_IDS_KEY, text)['next'])
}

function decodePartition(row: readonly unknown[], index: number): PartitionImage {
  const [replicas, isr, leader, leaderEpoch, partitionEpoch, ...others] = row
  const [elr = [], addingReplicas = [], removingReplicas = []] = others.map((list) => arrayOf(list).map(numberOf))
  return {
    index,
    replicas: arrayOf(replicas).map(numberOf),
    isr: arrayOf(isr).map(numberOf),
    leader: numberOf(leader),
    leaderEpoch: numberOf(leaderEpoch),
    partitionEpoch: numberOf(partitionEpoch),
    ...(elr.length > 0 && { elr }),
    ...(addingReplicas.length > 0 && { addingReplicas }),
    ...(removingReplicas.length > 0 && { removingReplicas }),
  }
}

function decodeListener(value: unknown): BrokerListener {
  const fields = objectOf(value)
  return {
    name: stringOf(fields['name']),
    host: stringOf(fields['host']),
    port: numberOf(fields['port']),
    securityProtocol: stringOf(fields['securityProtocol']) as SecurityProtocol,
  }
}

type Fields = { readonly [name: string]: unknown }

function encode(fields: Fields, version = SCHEMA_VERSION): string {
  return JSON.stringify({ v: version, ...fields })
}

function decode(key: string, text: string, versionMax = SCHEMA_VERSION): Fields {
  let fields: Fields
  try {
    fields = objectOf(JSON.parse(text))
  } catch (cause) {
    throw new DocumentError(`Cannot read metadata document "${key}": it is damaged`, { cause })
  }
  const version = fields['v']
  if (!Number.isInteger(version) || Number(version) < 1 || Number(version) > versionMax) {
    throw new DocumentError(
      `Cannot read metadata document "${key}": schema version ${String(version)}, this version of Ottla knows ` +
        `${versionMax === 1 ? '1 only' : `1 to ${versionMax}`}: start a later one`,
    )
  }
  return fields
}

function textMap(value: unknown): ReadonlyMap<string, string> {
  return new Map(Object.entries(objectOf(value)).map(([name, text]) => [name, stringOf(text)]))
}

function objectOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('an object', value)
  return value as Fields
}

function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed('a list', value)
  return value
}

function stringOf(value: unknown): string {
  if (typeof value !== 'string') throw malformed('a text', value)
  return value
}

function numberOf(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw malformed('a whole number', value)
  return value as number
}

function malformed(expected: string, value: unknown): DocumentError {
  return new DocumentError(`Cannot read a metadata document: expected ${expected}, found ${JSON.stringify(value)}`)
}
