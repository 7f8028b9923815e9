/** Who owns which partition in a group: assigned to it, or not given up yet. */
import type { Uuid } from '../../../metadata/image.ts'
import type { TopicPartitions } from '../assignors/topic-partitions.ts'

export class PartitionOwners {
  readonly #owners = new Map<Uuid, Map<number, string>>()

  ownerOf(topicId: Uuid, partition: number): string | undefined {
    return this.#owners.get(topicId)?.get(partition)
  }

  /** From now on the partitions are this member's, whosever they were: the log's last word counts. */
  take(memberId: string, all: TopicPartitions): void {
    for (const [topicId, partitions] of all) {
      const owners = this.#owners.get(topicId) ?? new Map<number, string>()
      this.#owners.set(topicId, owners)
      for (const partition of partitions) owners.set(partition, memberId)
    }
  }

  /** Only what is still this member's is free afterwards. */
  release(memberId: string, all: TopicPartitions): void {
    for (const [topicId, partitions] of all) {
      const owners = this.#owners.get(topicId)
      if (owners === undefined) continue
      for (const partition of partitions) {
        if (owners.get(partition) === memberId) owners.delete(partition)
      }
      if (owners.size === 0) this.#owners.delete(topicId)
    }
  }
}
