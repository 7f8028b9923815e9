/**
 * What the cluster is at one revision of the metadata store: an immutable value and pure look-ups. Made by `changes.ts`
 * from the store's documents; owned by nobody and safe to keep. Two images of neighbouring revisions share all that did
 * not change, so `before.topicsById.get(id) === after.topicsById.get(id)` says that the topic is the same.
 */
import { type Uuid, ZERO_UUID } from '@ottla/protocol/wire.ts'

export { type Uuid, ZERO_UUID }

/** The leader of a partition that has none. */
export const NO_LEADER = -1

export type SecurityProtocol = 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'

export interface BrokerListener {
  readonly name: string
  /** What clients are told to connect to. */
  readonly host: string
  readonly port: number
  readonly securityProtocol: SecurityProtocol
}

export interface BrokerRegistration {
  readonly id: number
  /** The store's revision at which this incarnation registered; a later incarnation has a larger one. */
  readonly epoch: number
  readonly incarnation: Uuid
  readonly rack: string | null
  readonly listeners: readonly BrokerListener[]
  /** A fenced broker leads nothing, is in no ISR that moves, and is hidden from clients. */
  readonly fenced: boolean
  /** The ids of its log directories; empty where it was registered by a version that did not tell. */
  readonly directories: readonly Uuid[]
  /** It came back without a directory that it had: what it held there is gone (KIP-858). Until it is unfenced. */
  readonly lostData: boolean
  /** The store's revision of its document: compared by whoever changes it. */
  readonly revision: number
}

/** What a broker has told of the feature levels that it can work at (`features.ts`). */
export interface SupportsImage {
  /** Of the process that told it: of another one with the same id nothing is known by it. */
  readonly incarnation: Uuid
  /** The lowest and the highest level of each feature that it knows. */
  readonly ranges: ReadonlyMap<string, readonly [min: number, max: number]>
}

/** A broker's own sign of life; it ends with the lease that the broker keeps. */
export interface AliveImage {
  /** Of the process that gives the sign: it may be another than the one that is registered. */
  readonly incarnation: Uuid
  /** The broker is being stopped in order: it is to lead nothing any more. */
  readonly stopping: boolean
  /** The store's revision of the sign: compared by whoever gives it again. */
  readonly revision: number
}

export interface PartitionImage {
  readonly index: number
  /**
   * In order of preference: the first is the preferred leader. Never empty, no broker twice. While the partition is
   * reassigned: who shall have it, in that order, then who goes.
   */
  readonly replicas: readonly number[]
  /** A subset of `replicas`. */
  readonly isr: readonly number[]
  /** A member of `isr`, or NO_LEADER. */
  readonly leader: number
  /** +1 at each change of the leader. */
  readonly leaderEpoch: number
  /** +1 at each change of anything here. */
  readonly partitionEpoch: number
  /** Eligible leader replicas (KIP-966), while fewer than `min.insync.replicas` are in `isr`; none of them is in it. */
  readonly elr?: readonly number[]
  /** Members of `replicas` that come by a reassignment which is under way (KIP-455). Left out: none. */
  readonly addingReplicas?: readonly number[]
  /** Members of `replicas` that go once all that come are in sync. Left out: none. */
  readonly removingReplicas?: readonly number[]
}

export interface TopicImage {
  readonly id: Uuid
  readonly name: string
  /** Kafka's own topics, which clients may read and may not write. */
  readonly internal: boolean
  /** Only what was set on the topic; see `config/topic-config.ts` for the effective values. */
  readonly configs: ReadonlyMap<string, string>
  /** Dense: `partitions[i].index === i`. */
  readonly partitions: readonly PartitionImage[]
  /** The store's revision of the topic's document: compared by whoever changes it. */
  readonly revision: number
}

/** A shard document of partitions, whether or not its topic shows it already (or still): see `documents.ts`. */
export interface PartitionShard {
  readonly first: number
  readonly revision: number
  readonly partitions: readonly PartitionImage[]
}

/** The kinds of resources whose dynamic configuration is kept outside their own document. */
export type ConfigResourceType = 'broker' | 'group' | 'client-metrics'

export interface ConfigImage {
  readonly values: ReadonlyMap<string, string>
  readonly revision: number
}

export interface SilentImage {
  /** The revision of the sign of life that the report is about. */
  readonly sign: number
  readonly revision: number
}

export interface ProducerIdsImage {
  /** The first producer id that no broker was given yet. */
  readonly next: number
  /** 0 when nothing was allocated yet. */
  readonly revision: number
}

export interface FeaturesImage {
  /** Finalized level of each feature; a feature that is not named has level 0. */
  readonly levels: ReadonlyMap<string, number>
  /** The epoch that ApiVersions tells: the revision of the document. -1 when nothing is finalized. */
  readonly epoch: number
}

export interface MetadataImage {
  /** The last revision that is part of this image. 0: nothing was read yet. */
  readonly revision: number
  /** Empty until the store was formatted by the first broker. */
  readonly clusterId: string
  /** NO_CONTROLLER while none is elected. */
  readonly controllerId: number
  /** The revision at which the controller was elected; compared by each of its commits. */
  readonly controllerEpoch: number
  readonly brokers: ReadonlyMap<number, BrokerRegistration>
  readonly supports: ReadonlyMap<number, SupportsImage>
  readonly alive: ReadonlyMap<number, AliveImage>
  /** Who does not hear whom: by `silentKey`. */
  readonly silent: ReadonlyMap<string, SilentImage>
  readonly topicsById: ReadonlyMap<Uuid, TopicImage>
  readonly topicsByName: ReadonlyMap<string, TopicImage>
  /** Keyed by `configKey`. */
  readonly configs: ReadonlyMap<string, ConfigImage>
  readonly features: FeaturesImage
  readonly producerIds: ProducerIdsImage
  /** Of each topic id, in order of `first`; also of ids whose topic is not there (yet, or any more). */
  readonly shards: ReadonlyMap<Uuid, readonly PartitionShard[]>
}

export const NO_CONTROLLER = -1

export const emptyImage: MetadataImage = {
  revision: 0,
  clusterId: '',
  controllerId: NO_CONTROLLER,
  controllerEpoch: 0,
  brokers: new Map(),
  supports: new Map(),
  alive: new Map(),
  silent: new Map(),
  topicsById: new Map(),
  topicsByName: new Map(),
  configs: new Map(),
  features: { levels: new Map(), epoch: -1 },
  producerIds: { next: 0, revision: 0 },
  shards: new Map(),
}

const INTERNAL_TOPICS: ReadonlySet<string> = new Set([
  '__consumer_offsets',
  '__transaction_state',
  '__share_group_state',
])

export function isInternalTopic(name: string): boolean {
  return INTERNAL_TOPICS.has(name)
}

export function configKey(type: ConfigResourceType, name: string): string {
  return `${type}/${name}`
}

/** Of all resources of a type that have dynamic configuration. */
export function configuredNames(image: MetadataImage, type: ConfigResourceType): string[] {
  const prefix = configKey(type, '')
  return [...image.configs.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))
}

const NO_CONFIG: ConfigImage = { values: new Map(), revision: 0 }

/** The dynamic configuration of a resource; of type broker the name is an id, or empty for the cluster's default. */
export function dynamicConfig(image: MetadataImage, type: ConfigResourceType, name: string): ConfigImage {
  return image.configs.get(configKey(type, name)) ?? NO_CONFIG
}

export function topicNamed(image: MetadataImage, name: string): TopicImage | undefined {
  return image.topicsByName.get(name)
}

export function partitionOf(image: MetadataImage, topicId: Uuid, index: number): PartitionImage | undefined {
  return image.topicsById.get(topicId)?.partitions[index]
}

export function isAlive(image: MetadataImage, brokerId: number): boolean {
  return image.brokers.get(brokerId)?.fenced === false
}

/** Whether replicas of the partition are on their way to it, or from it. */
export function isReassigned({ addingReplicas = [], removingReplicas = [] }: PartitionImage): boolean {
  return addingReplicas.length > 0 || removingReplicas.length > 0
}

/** Whether the broker may lead or be in sync: not fenced, and not being stopped. */
export function isEligible(image: MetadataImage, brokerId: number): boolean {
  return isAlive(image, brokerId) && image.alive.get(brokerId)?.stopping !== true
}

/** In order of their ids. */
export function aliveBrokers(image: MetadataImage): BrokerRegistration[] {
  return [...image.brokers.values()].filter((broker) => !broker.fenced).sort((a, b) => a.id - b.id)
}

/** Where clients of this listener reach the broker; undefined when it has no such listener. */
export function endpointOf(broker: BrokerRegistration, listener: string): BrokerListener | undefined {
  return broker.listeners.find((candidate) => candidate.name === listener)
}
