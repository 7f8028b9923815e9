/**
 * Owns what a crash run believes: each partition is a lane that one idempotent producer fills with records numbered 0, 1,
 * 2 …, each sent again until it is acknowledged. So the record at offset n is number n, always: a lost record, one that
 * is there twice, a swapped pair and a hole in the offsets all break that, and nothing else has to be remembered.
 */
import assert from 'node:assert/strict'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { endOffset } from '../cluster.ts'
import { recordsOf } from '../partition-contents.ts'

export class Lane {
  readonly topic: string
  readonly partition: number
  /** Numbers below it were acknowledged with acks=all. */
  #acknowledged = 0
  /** Offsets below it were read and found right. */
  #checked = 0

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  /** The broker has said that these records, from number `first` on, are safe from `offset` on. */
  acknowledge({ first, count, offset }: { first: number; count: number; offset: number }): void {
    assert.equal(offset, first, `${this}: record ${first} is acknowledged at its own offset`)
    this.#acknowledged = Math.max(this.#acknowledged, first + count)
  }

  /** Everything that was acknowledged when this was called is there, and all that is new since the last check is right. */
  async check(connection: BrokerConnection): Promise<void> {
    const acknowledged = this.#acknowledged
    const end = await endOffset(connection, this.topic, this.partition)
    assert(end >= acknowledged, `${this}: ${acknowledged} records were acknowledged and ${end} are there`)
    const { topic, partition } = this
    const records = await recordsOf(connection, { topic, partition, offset: this.#checked })
    for (const { offset, value } of records) assert.equal(numberOf(value), offset, `${this}: the record at ${offset}`)
    this.#checked += records.length
  }

  /** As `check`, from the first record on. */
  async checkAll(connection: BrokerConnection): Promise<void> {
    this.#checked = 0
    await this.check(connection)
  }

  toString(): string {
    return `"${this.topic}-${this.partition}"`
  }
}

/** A record's value: its number, and padding that makes sizes vary. */
export function recordText(number: number, paddingBytes: number): string {
  return `${number} ${'.'.repeat(paddingBytes)}`
}

function numberOf(value: string): number {
  return Number(value.slice(0, value.indexOf(' ')))
}
