/** Owns a load on all partitions of a topic: producers that never rest, a consumer that reads along, and what they saw. */
import { systemTimers } from '@ottla/base/node-timers.ts'
import type { Client } from '@ottla/client/client.ts'
import { AssignedConsumer } from '@ottla/client/consumer/assigned-consumer.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { waitUntil } from '../groups/wait-until.ts'

const PAUSE_MS = 5

export class SpreadLoad implements AsyncDisposable {
  /** By partition, in order. */
  readonly acknowledged: string[][]
  readonly read: string[][]
  readonly #topic: string
  readonly #padding: string
  readonly #producer: Producer
  readonly #stop = new AbortController()
  readonly #producing: Promise<unknown>
  readonly #consuming: Promise<void>
  /** Before, what is under way may still be acknowledged, and is to be read. */
  #isProduced = false

  constructor(
    client: Client,
    options: { readonly topic: string; readonly partitions: number; readonly recordBytes: number },
  ) {
    this.#topic = options.topic
    this.#padding = '.'.repeat(options.recordBytes)
    this.acknowledged = Array.from({ length: options.partitions }, () => [])
    this.read = Array.from({ length: options.partitions }, () => [])
    this.#producer = new Producer(client, { acks: 'all' })
    this.#producing = Promise.all(this.acknowledged.keys().map((partition) => this.#produce(partition)))
    this.#consuming = this.#consume(client)
    for (const one of [this.#producing, this.#consuming]) one.catch(() => {})
  }

  /** Resolves once this many more are acknowledged in every partition. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.map(({ length }) => length + count)
    await waitUntil('more acknowledgements', async () => {
      const missing = this.acknowledged.filter(({ length }, i) => length < wanted[i]!).length
      return missing === 0 ? { found: true } : { missing: `${missing} partitions have too few` }
    })
  }

  /** Rejects when a record was refused or could not be read, and when not all was read that was acknowledged. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('The load ends'))
    await this.#producing
    this.#isProduced = true
    await waitUntil('all is read', async () => {
      const missing = this.acknowledged.filter(({ length }, i) => this.read[i]!.length < length).length
      return missing === 0 ? { found: true } : { missing: `${missing} partitions are not read to their end` }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('The load ends'))
    await this.#producing.catch(() => {})
    await this.#producer[Symbol.asyncDispose]()
  }

  async #produce(partition: number): Promise<void> {
    const acknowledged = this.acknowledged[partition]!
    for (let i = 0; !this.#stop.signal.aborted; i++) {
      await this.#producer.send(this.#topic, { partition, value: `${i}${this.#padding}` })
      acknowledged.push(`${i}`)
      await systemTimers.sleep(PAUSE_MS)
    }
  }

  async #consume(client: Client): Promise<void> {
    const assignments = this.read.map((_, partition) => ({ topic: this.#topic, partition, from: 'beginning' }) as const)
    await using consumer = await AssignedConsumer.open(client, { assignments })
    for await (const { value, partition } of consumer.records()) {
      this.read[partition]!.push(String(value).replace(/\.+$/, ''))
      const isOver = this.#isProduced && this.acknowledged.every(({ length }, i) => this.read[i]!.length >= length)
      if (isOver) return
    }
  }
}
