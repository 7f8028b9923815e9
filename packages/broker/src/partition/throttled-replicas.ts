/** Which replicas of a topic are throttled, as `leader.` and `follower.replication.throttled.replicas` name them: pure. */
import type { PartitionImage } from '../metadata/image.ts'

/** Null: none, as almost always. Else all, or those named as `partition:broker`. */
export type ThrottledReplicas = '*' | ReadonlySet<string> | null

export interface ThrottleRules {
  /** By the leader, who sends to them. */
  readonly leader: ThrottledReplicas
  /** By the follower, who fetches. */
  readonly follower: ThrottledReplicas
}

/** As much of a partition as it takes to know who is throttled there. */
export interface ThrottledPartition {
  readonly index: number
  readonly image: Pick<PartitionImage, 'isr' | 'leader'>
  readonly rules: { readonly throttle: ThrottleRules }
}

export function throttledReplicas(items: readonly string[]): ThrottledReplicas {
  if (items.length === 0) return null
  return items.includes('*') ? '*' : new Set(items)
}

/**
 * Whether the leader throttles what it sends to this follower: the list names the leader, whose sending it is, and
 * who is in sync is never held up.
 */
export function isSendingThrottled(partition: ThrottledPartition, followerId: number): boolean {
  const { leader: named } = partition.rules.throttle
  if (named === null || partition.image.isr.includes(followerId)) return false
  return isNamed(named, partition.index, partition.image.leader)
}

/** Whether this follower throttles its own fetching. */
export function isFetchingThrottled(partition: ThrottledPartition, followerId: number): boolean {
  const { follower: named } = partition.rules.throttle
  if (named === null || partition.image.isr.includes(followerId)) return false
  return isNamed(named, partition.index, followerId)
}

function isNamed(named: '*' | ReadonlySet<string>, index: number, brokerId: number): boolean {
  return named === '*' || named.has(`${index}:${brokerId}`)
}
