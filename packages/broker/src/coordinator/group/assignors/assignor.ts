/** What an assignor is: from who subscribes to what, and what was assigned before, to what is assigned now. Pure. */
import type { Uuid } from '../../../metadata/image.ts'
import type { TopicPartitions } from './topic-partitions.ts'

export interface SubscribedMember {
  readonly instanceId: string | null
  /** Topics that exist, each once. Members with one subscription share one array: assignors count on that for speed. */
  readonly topicIds: readonly Uuid[]
  /** What it was assigned last, which may hold partitions that it must not keep. */
  readonly assigned: TopicPartitions
}

export interface AssignorInput {
  /** By member id. */
  readonly members: ReadonlyMap<string, SubscribedMember>
  partitionCount(topicId: Uuid): number
}

/** Each partition of a topic that somebody subscribes to goes to exactly one of its subscribers; every member is named. */
export type Assignor = (input: AssignorInput) => Map<string, TopicPartitions>
