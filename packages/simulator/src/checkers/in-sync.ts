/**
 * Checks at every moment what elections rely on: who is in the in-sync set that the metadata store holds has everything
 * that was ever committed. A client would notice only once that replica has been elected.
 *
 * Holds where all records have acks=all: what came with acks=1 counts before its leader has synced it.
 */
import type { MetadataImage } from '@ottla/broker/metadata/image.ts'
import type { Partition } from '@ottla/broker/partition/partition.ts'

interface Replica {
  readonly brokerId: number
  readonly partition: Pick<
    Partition,
    'topicId' | 'topicName' | 'index' | 'isLeader' | 'isOffline' | 'highWatermark' | 'logEndOffset'
  >
}

export class InSyncSets {
  readonly #anomalies: string[]
  /** By topic id and partition. */
  readonly #committed = new Map<string, number>()

  constructor(anomalies: string[]) {
    this.#anomalies = anomalies
  }

  /** What the brokers that serve hold at this moment, and what the store does. */
  look(replicas: readonly Replica[], { topicsById }: Pick<MetadataImage, 'topicsById'>): void {
    for (const { partition } of replicas) {
      const key = keyOf(partition)
      const known = this.#committed.get(key) ?? 0
      if (partition.isLeader && partition.highWatermark > known) this.#committed.set(key, partition.highWatermark)
    }
    for (const { brokerId, partition } of replicas) {
      const { topicId, topicName, index, logEndOffset } = partition
      const isr = topicsById.get(topicId)?.partitions[index]?.isr ?? []
      const committed = this.#committed.get(keyOf(partition)) ?? 0
      if (partition.isOffline || logEndOffset >= committed || !isr.includes(brokerId)) continue
      const name = `${topicName}-${index}`
      this.#anomalies.push(
        `not in sync: broker ${brokerId} is in the isr of ${name} with ${logEndOffset} of ${committed}`,
      )
      this.#committed.delete(keyOf(partition))
    }
  }
}

function keyOf({ topicId, index }: Replica['partition']): string {
  return `${topicId} ${index}`
}
