/**
 * What one follower's fetch may take of the leader's replication quota (KIP-73): partitions whose sending is throttled
 * bring nothing while the quota is used up, unless the follower is in sync there. Not made for consumers' fetches.
 */
import type { Partition } from '../partition/partition.ts'
import { isSendingThrottled } from '../partition/throttled-replicas.ts'
import type { BrokerParts } from './parts.ts'

type Parts = Pick<BrokerParts, 'partitions' | 'clock'>

export class SendingThrottle {
  readonly #followerId: number
  readonly #parts: Parts
  /** What this reading has been granted. */
  #grantedBytes = 0
  /** Null until somebody has been held back. */
  #heldBack: Set<Partition> | null = null

  constructor(followerId: number, parts: Parts) {
    this.#followerId = followerId
    this.#parts = parts
  }

  /** The fetch looks at its partitions, for the first time or again. */
  begin(): void {
    this.#grantedBytes = 0
    this.#heldBack = null
  }

  /** How many of the bytes that it would read the fetch may read there; 0: none. */
  grant(partition: Partition, wantedBytes: number): number {
    if (!isSendingThrottled(partition, this.#followerId)) return wantedBytes
    const { partitions, clock } = this.#parts
    const available = partitions.quotas.leader.availableBytes(clock.monotonicMs()) - this.#grantedBytes
    const granted = Math.floor(Math.max(0, Math.min(wantedBytes, available)))
    this.#grantedBytes += granted
    if (granted === 0 && wantedBytes > 0) {
      this.#heldBack ??= new Set()
      this.#heldBack.add(partition)
    }
    return granted
  }

  hasHeldBack(partition: Partition): boolean {
    return this.#heldBack?.has(partition) === true
  }

  sent(partition: Partition, bytes: number): void {
    if (!isSendingThrottled(partition, this.#followerId)) return
    this.#parts.partitions.quotas.leader.record(bytes, this.#parts.clock.monotonicMs())
  }
}
