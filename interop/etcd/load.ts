/** Owns one producer that never rests, what was acknowledged to it, and how long it had to wait; and reading all back. */
import { systemClock } from '@ottla/base/clock.ts'
import type { Client } from '@ottla/client/client.ts'
import { AssignedConsumer } from '@ottla/client/consumer/assigned-consumer.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { waitUntil } from '../groups/wait-until.ts'

/** Produces one record after the other, each acknowledged by all in-sync replicas, until it is stopped. */
export class Load implements AsyncDisposable {
  readonly acknowledged: string[] = []
  /** The longest time between two acknowledgements since somebody asked. */
  #longestGapMs = 0
  readonly #topic: string
  readonly #producer: Producer
  readonly #running: Promise<void>
  #isOver = false

  constructor(client: Client, topic: string) {
    this.#topic = topic
    this.#producer = new Producer(client, { acks: 'all' })
    this.#running = this.#run()
    // Whoever stops it is told of a failure.
    this.#running.catch(() => {})
  }

  /** Resolves once this many more are acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count
    await waitUntil(`${wanted} acknowledgements`, async () => {
      const have = this.acknowledged.length
      return have >= wanted ? { found: have } : { missing: `there are ${have}` }
    })
  }

  takeLongestGapMs(): number {
    const gapMs = this.#longestGapMs
    this.#longestGapMs = 0
    return Math.round(gapMs)
  }

  /** Rejects when a record was refused. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop().catch(() => {})
    await this.#producer[Symbol.asyncDispose]()
  }

  async #run(): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const sentMs = systemClock.monotonicMs()
      await this.#producer.send(this.#topic, { partition: 0, value: `${i}` })
      this.acknowledged.push(`${i}`)
      this.#longestGapMs = Math.max(this.#longestGapMs, systemClock.monotonicMs() - sentMs)
    }
  }
}

export async function contents(client: Client, topic: string): Promise<string[]> {
  const assignments = [{ topic, partition: 0, from: 'beginning', until: 'end' } as const]
  await using consumer = await AssignedConsumer.open(client, { assignments })
  const values: string[] = []
  for await (const batch of consumer.batches()) for (const { value } of batch.records()) values.push(String(value))
  return values
}
