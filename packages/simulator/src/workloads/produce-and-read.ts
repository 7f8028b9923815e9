/**
 * What clients do in a seed run: produce numbered records to every partition, and read each from the beginning. Keeps
 * what they were told, for the checkers.
 */

import type { FakeTime } from '@ottla/base/fake-time.ts'
import type { Random } from '@ottla/base/random.ts'
import type { Client } from '@ottla/client/client.ts'
import { AssignedConsumer } from '@ottla/client/consumer/assigned-consumer.ts'
import { Producer, type ProducerOptions } from '@ottla/client/producer/producer.ts'
import { nameOf, type Place, type Seen } from './workload.ts'

/** One record that a producer was given; `offset` once it is acknowledged. */
export interface Sent extends Place {
  readonly producer: string
  /** Rising from 0 for each producer and partition. */
  readonly number: number
  readonly value: string
  readonly acks: 'all' | 1
  offset: number | null
  /** Why its fate is not known; null while it is under way or acknowledged. */
  error: Error | null
}

/** What one consumer has read of one partition, in the order in which it came. */
export interface Reading extends Place {
  readonly consumer: string
  readonly records: Seen[]
  error: Error | null
}

const PAUSE_MS_MAX = 400
const BURST_MAX = 5
const VALUE_BYTES_MAX = 300
/** Shorter than a run, so that deliveries that fail are part of it. */
const DELIVERY_TIMEOUT_MS = 15_000
const REQUEST_TIMEOUT_MS = 4_000
/** Batches. */
const LEAVES_OFF_ONE_IN = 30

export interface ReadOptions {
  readonly name: string
  readonly places: readonly Place[]
  readonly rack?: string
  readonly leavesOff?: boolean
}

export class ProduceAndRead {
  readonly sent: Sent[] = []
  readonly readings: Reading[] = []
  readonly #time: FakeTime
  readonly #random: Random
  readonly #producers: Producer[] = []
  readonly #running: Promise<void>[] = []
  readonly #stop = new AbortController()
  #isProducing = true
  #unsettled = 0

  constructor(options: { time: FakeTime; random: Random }) {
    this.#time = options.time
    this.#random = options.random
  }

  /** Records without an outcome. */
  get unsettled(): number {
    return this.#unsettled
  }

  produce(client: Client, options: { name: string; acks: 'all' | 1; places: readonly Place[] }): void {
    const settings: ProducerOptions = {
      ...{ acks: options.acks, deliveryTimeoutMs: DELIVERY_TIMEOUT_MS, requestTimeoutMs: REQUEST_TIMEOUT_MS },
    }
    const producer = new Producer(client, settings)
    this.#producers.push(producer)
    this.#running.push(this.#keepProducing(producer, options))
  }

  /** `leavesOff`: stops now and then, also in the middle of a batch, and goes on there with a consumer of its own. */
  read(client: Client, options: ReadOptions): void {
    const readings = options.places.map((place): Reading => {
      return { ...place, consumer: options.name, records: [], error: null }
    })
    this.readings.push(...readings)
    this.#running.push(this.#keepReading(client, readings, options))
  }

  endProducing(): void {
    this.#isProducing = false
  }

  /** How far the least reading of the place has come: the offset after its last record. */
  readTo({ topic, partition }: Place): number {
    const here = this.readings.filter((reading) => reading.topic === topic && reading.partition === partition)
    return Math.min(...here.map(({ records }) => (records.at(-1)?.offset ?? -1) + 1))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endProducing()
    this.#stop.abort(new Error('The run is over'))
    for (const producer of this.#producers) await producer[Symbol.asyncDispose]()
    await Promise.all(this.#running)
  }

  async #keepProducing(
    producer: Producer,
    { name, acks, places }: { name: string; acks: 'all' | 1; places: readonly Place[] },
  ): Promise<void> {
    const numbers = places.map(() => 0)
    while (this.#isProducing) {
      const at = this.#random.below(places.length)
      for (let left = 1 + this.#random.below(BURST_MAX); left > 0; left--) {
        this.#send(producer, { name, acks, place: places[at]!, number: numbers[at]!++ })
      }
      await this.#pause(1 + this.#random.below(PAUSE_MS_MAX))
    }
  }

  #send(
    producer: Producer,
    { name, acks, place, number }: { name: string; acks: 'all' | 1; place: Place; number: number },
  ): void {
    const value = `${name} ${number} `.padEnd(this.#random.below(VALUE_BYTES_MAX), '.')
    const sent: Sent = { ...place, producer: name, number, value, acks, offset: null, error: null }
    this.sent.push(sent)
    this.#unsettled++
    const settled = (): void => {
      this.#unsettled--
    }
    producer
      .send(place.topic, { partition: place.partition, value })
      .then(
        (metadata) => {
          sent.offset = metadata.offset
        },
        (error: Error) => {
          sent.error = error
        },
      )
      .then(settled)
  }

  async #keepReading(client: Client, readings: readonly Reading[], { rack, leavesOff }: ReadOptions): Promise<void> {
    const { signal } = this.#stop
    try {
      while (!signal.aborted) {
        const assignments = readings.map(({ topic, partition, records }) => {
          return { topic, partition, from: records.length === 0 ? 'beginning' : records.at(-1)!.offset + 1 } as const
        })
        const options = { assignments, ...(rack === undefined ? {} : { rack }) }
        await using consumer = await AssignedConsumer.open(client, options, { signal })
        await this.#readFrom(consumer, readings, leavesOff === true)
      }
    } catch (error) {
      if (!signal.aborted) for (const reading of readings) reading.error = error as Error
    }
  }

  /** To the end of the run, or until it leaves off. */
  async #readFrom(consumer: AssignedConsumer, readings: readonly Reading[], leavesOff: boolean): Promise<void> {
    const byPlace = new Map(readings.map((reading) => [nameOf(reading), reading]))
    for await (const batch of consumer.batches({ signal: this.#stop.signal })) {
      const { records } = byPlace.get(nameOf(batch))!
      let left = leavesOff && this.#random.below(LEAVES_OFF_ONE_IN) === 0 ? 1 : Infinity
      for (const { offset, value } of batch.records()) {
        records.push({ offset, value: String(value) })
        if (--left === 0) return
      }
    }
  }

  async #pause(delayMs: number): Promise<void> {
    await this.#time.sleep(delayMs, { signal: this.#stop.signal }).catch(() => undefined)
  }
}
