/**
 * Owns what was written to a topic for groups to read: records that no other topic, partition or call has. One call at
 * a time.
 */
import assert from 'node:assert/strict'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { batchOf, produce } from '../cluster.ts'

export class TopicFeed {
  readonly #topic: string
  readonly values: string[] = []
  /** By `topic-partition`, the offset behind the last record. */
  readonly ends = new Map<string, number>()

  constructor(topic: string) {
    this.#topic = topic
  }

  /** As many records to each of the partitions; acknowledged when it resolves. */
  async add(
    connection: BrokerConnection,
    { partitions, records }: { partitions: number; records: number },
  ): Promise<void> {
    for (let partition = 0; partition < partitions; partition++) {
      const name = `${this.#topic}-${partition}`
      const first = this.ends.get(name) ?? 0
      const values = Array.from({ length: records }, (_, index) => `${name}@${first + index}`)
      const { error, baseOffset } = await produce(connection, { topic: this.#topic, partition }, batchOf(values))
      assert.deepEqual(
        { error, baseOffset },
        { error: 'NONE', baseOffset: first },
        `${name} is written by its feed alone`,
      )
      this.values.push(...values)
      this.ends.set(name, first + records)
    }
  }

  /** `topic-0` and so on. */
  partitions(count: number): string[] {
    return Array.from({ length: count }, (_, partition) => `${this.#topic}-${partition}`)
  }
}
