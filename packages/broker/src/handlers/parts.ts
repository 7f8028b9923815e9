/** The parts of a broker that handlers call. Each handler picks the few it needs; `broker.ts` makes them all. */
import type { ByteShare } from '@ottla/base/byte-share.ts'
import type { Clock } from '@ottla/base/clock.ts'
import type { Timers } from '@ottla/base/timers.ts'
import type { BrokerConfig } from '../config.ts'
import type { GroupCoordinator } from '../coordinator/group-coordinator.ts'
import type { ControllerClient } from '../metadata/controller-client.ts'
import type { SupportedFeature } from '../metadata/features.ts'
import type { MetadataImage } from '../metadata/image.ts'
import type { ProducerIds } from '../metadata/producer-ids.ts'
import type { Partitions } from '../partition/partitions.ts'
import type { FetchSessions } from './fetch-sessions.ts'

export interface BrokerParts {
  readonly brokerId: number
  /** With the dynamic changes of the image that `image()` answers. */
  config(): BrokerConfig
  /** The newest image that is published in this broker. */
  image(): MetadataImage
  /** What this process can work at. */
  readonly features: readonly SupportedFeature[]
  /** The cluster's controller, wherever it is. */
  readonly controller: ControllerClient
  /** This broker's own: it refuses while another is elected. */
  readonly localController: ControllerClient
  readonly partitions: Partitions
  readonly producerIds: ProducerIds
  readonly groups: GroupCoordinator
  readonly fetchSessions: FetchSessions
  /** The share of the byte budget for what was read and not yet sent. */
  readonly replyBytes: ByteShare
  readonly clock: Clock
  readonly timers: Timers
}
