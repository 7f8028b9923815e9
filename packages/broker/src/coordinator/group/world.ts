/** What the group machines know of the world around them, and who calls. Owns types only. */
import type { MetadataImage } from '../../metadata/image.ts'

/** The parts of a broker that the machines may ask; all of it synchronous and without effect. */
export interface GroupWorld {
  /** The newest published image. */
  image(): MetadataImage
  /** The broker's settings, with those that were set on the group itself (ConfigResource GROUP). */
  settings(groupId: string): GroupSettings
  /** 36 characters, as Java writes them: for member ids, in both protocols. */
  newUuid(): string
}

/** Kafka's settings of the same names, in their units. */
export interface GroupSettings {
  readonly minSessionTimeoutMs: number
  readonly maxSessionTimeoutMs: number
  readonly initialRebalanceDelayMs: number
  readonly maxSize: number
  readonly offsetMetadataBytesMax: number
  readonly offsetsRetentionMs: number
  /** Whether the protocol of KIP-848 is enabled: `group.coordinator.rebalance.protocols` and the feature group.version. */
  readonly consumerProtocolEnabled: boolean
  readonly consumerSessionTimeoutMs: number
  readonly consumerHeartbeatIntervalMs: number
  readonly consumerMaxSize: number
  /** Names in order of preference: the first is the default. */
  readonly consumerAssignors: readonly string[]
  readonly consumerMigrationPolicy: 'bidirectional' | 'upgrade' | 'downgrade' | 'disabled'
  readonly consumerRegexRefreshMs: number
}

/** Who sent the request. */
export interface Caller {
  readonly clientId: string
  /** As Kafka shows it: `/127.0.0.1`. */
  readonly clientHost: string
  readonly apiVersion: number
  /** Whether the caller may see the topic (AUTH Describe Topic). */
  mayDescribeTopic(name: string): boolean
}
