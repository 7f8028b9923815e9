/**
 * Checks at every moment what elections rely on: who is in the in-sync set that the metadata store holds has synced
 * everything that was ever committed. A client would notice only once that replica has been elected.
 *
 * Holds where all records have acks=all: what came with acks=1 counts before its leader has synced it.
 */
import type { Log } from '@ottla/broker/log/log.ts'
import type { MetadataImage } from '@ottla/broker/metadata/image.ts'
import type { Partition } from '@ottla/broker/partition/partition.ts'

interface Replica {
  readonly brokerId: number
  readonly partition: Pick<
    Partition,
    'topicId' | 'topicName' | 'index' | 'isLeader' | 'isOffline' | 'highWatermark'
  > & {
    readonly log: Pick<Log, 'syncedOffset'>
  }
}

export class InSyncSets {
  readonly #anomalies: string[]
  /** By topic id and partition. */
  readonly #committed = new Map<string, number>()
  readonly #told = new Set<string>()

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
      const isr = topicsById.get(partition.topicId)?.partitions[partition.index]?.isr ?? []
      const committed = this.#committed.get(keyOf(partition)) ?? 0
      const { syncedOffset } = partition.log
      if (!isr.includes(brokerId) || syncedOffset >= committed || partition.isOffline) continue
      if (this.#told.has(keyOf(partition))) continue
      this.#told.add(keyOf(partition))
      const name = `${partition.topicName}-${partition.index}`
      this.#anomalies.push(
        `not in sync: broker ${brokerId} of ${name}'s isr has synced ${syncedOffset} of ${committed}`,
      )
    }
  }
}

function keyOf({ topicId, index }: Replica['partition']): string {
  return `${topicId} ${index}`
}
