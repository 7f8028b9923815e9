/**
 * What clients do in a seed run: produce numbered records to every partition, and read each from the beginning. Keeps
 * what they were told, for the checkers.
 */

import type { FakeTime } from '@ottla/base/fake-time.ts'
import type { Random } from '@ottla/base/random.ts'
import type { Client } from '@ottla/client/client.ts'
import { AssignedConsumer } from '@ottla/client/consumer/assigned-consumer.ts'
import { Producer, type ProducerOptions } from '@ottla/client/producer/producer.ts'
import { isAt, nameOf, OWN_HEADER, type Place, type Seen, seenOf } from './workload.ts'

/** One record that a producer was given; `offset` once it is acknowledged. */
export interface Sent extends Place {
  readonly producer: string
  /** Rising from 0 for each producer and partition. */
  readonly number: number
  readonly value: string
  /** Null where the record has none. */
  readonly key: string | null
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
  /** Where it reads on, also where there was nothing to read on the way. */
  position: () => number
}

const PAUSE_MS_MAX = 800
const BURST_MAX = 5
const TOMBSTONES_ONE_IN = 8
const VALUE_BYTES_MAX = 300
/** Shorter than a run, so that deliveries that fail are part of it. */
const DELIVERY_TIMEOUT_MS = 15_000
const REQUEST_TIMEOUT_MS = 4_000
const REOPEN_PAUSE_MS = 200
/** Batches. */
const LEAVES_OFF_ONE_IN = 30

export interface ReadOptions {
  readonly name: string
  readonly places: readonly Place[]
  readonly rack?: string
  readonly leavesOff?: boolean
  /** What is gone at the beginning is passed over. */
  readonly skipsWhatIsGone?: boolean
}

export interface ProduceOptions {
  readonly name: string
  readonly acks: 'all' | 1
  readonly places: readonly Place[]
  /** Records have one of so many keys, and some are tombstones. None when left out. */
  readonly keys?: number
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

  produce(client: Client, options: ProduceOptions): void {
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
      return { ...place, consumer: options.name, records: [], error: null, position: () => 0 }
    })
    this.readings.push(...readings)
    this.#running.push(this.#keepReading(client, readings, options))
  }

  endProducing(): void {
    this.#isProducing = false
  }

  /** How far the least reading of the place has come. */
  readTo(place: Place): number {
    return Math.min(...this.readings.filter(isAt(place)).map(({ position }) => position()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.endProducing()
    this.#stop.abort(new Error('The run is over'))
    for (const producer of this.#producers) await producer[Symbol.asyncDispose]()
    await Promise.all(this.#running)
  }

  async #keepProducing(producer: Producer, options: ProduceOptions): Promise<void> {
    const { places } = options
    const numbers = places.map(() => 0)
    while (this.#isProducing) {
      const at = this.#random.below(places.length)
      for (let left = 1 + this.#random.below(BURST_MAX); left > 0; left--) {
        this.#send(producer, { ...options, place: places[at]!, number: numbers[at]!++ })
      }
      await this.#pause(1 + this.#random.below(PAUSE_MS_MAX))
    }
  }

  #send(producer: Producer, options: ProduceOptions & { place: Place; number: number }): void {
    const { name, acks, place, number, keys } = options
    const value = `${name} ${number} `.padEnd(this.#random.below(VALUE_BYTES_MAX), '.')
    const key = keys === undefined ? null : `key ${this.#random.below(keys)}`
    const isTombstone = key !== null && this.#random.below(TOMBSTONES_ONE_IN) === 0
    const record = isTombstone ? { key, value: null, headers: [{ key: OWN_HEADER, value }] } : { key, value }
    const sent: Sent = { ...place, producer: name, number, value, key, acks, offset: null, error: null }
    this.sent.push(sent)
    this.#unsettled++
    const settled = (): void => {
      this.#unsettled--
    }
    producer
      .send(place.topic, { partition: place.partition, ...record })
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

  async #keepReading(client: Client, readings: readonly Reading[], from: ReadOptions): Promise<void> {
    const { signal } = this.#stop
    const { rack, leavesOff, skipsWhatIsGone } = from
    try {
      while (!signal.aborted) {
        const assignments = readings.map(({ topic, partition, records }) => {
          return { topic, partition, from: records.length === 0 ? 'beginning' : records.at(-1)!.offset + 1 } as const
        })
        const onOutOfRange = skipsWhatIsGone === true ? 'beginning' : 'error'
        const options = { assignments, onOutOfRange, ...(rack === undefined ? {} : { rack }) } as const
        // It may leave off while no broker can be reached. Who never comes back to reading is stuck in the end.
        await using consumer = await AssignedConsumer.open(client, options, { signal }).catch(() => null)
        if (consumer === null) await this.#pause(REOPEN_PAUSE_MS)
        else await this.#readFrom(consumer, readings, leavesOff === true)
      }
    } catch (error) {
      if (!signal.aborted) for (const reading of readings) reading.error = error as Error
    }
  }

  /** To the end of the run, or until it leaves off. */
  async #readFrom(consumer: AssignedConsumer, readings: readonly Reading[], leavesOff: boolean): Promise<void> {
    const byPlace = new Map(readings.map((reading) => [nameOf(reading), reading]))
    for (const reading of readings) {
      reading.position = () => consumer.positions.find(isAt(reading))?.offset ?? 0
    }
    for await (const batch of consumer.batches({ signal: this.#stop.signal })) {
      const { records } = byPlace.get(nameOf(batch))!
      let left = leavesOff && this.#random.below(LEAVES_OFF_ONE_IN) === 0 ? 1 : Infinity
      for (const record of batch.records()) {
        records.push(seenOf(record))
        if (--left === 0) return
      }
    }
  }

  async #pause(delayMs: number): Promise<void> {
    await this.#time.sleep(delayMs, { signal: this.#stop.signal }).catch(() => undefined)
  }
}
