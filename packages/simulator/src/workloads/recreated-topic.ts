/**
 * A topic that is deleted and made anew under its name, and grows, while a producer writes to whichever there is. In the
 * end there is one, which takes a record of each partition and shows it to who reads from its beginning.
 */
import type { FakeTime } from '@ottla/base/fake-time.ts'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { createPartitions, createTopics, deleteTopics, type Outcome } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { AssignedConsumer } from '@ottla/client/consumer/assigned-consumer.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import type { Events } from '../checkers/events.ts'
import { checkRecreated, type Written } from '../checkers/recreated.ts'
import type { FinalLogs, Workload } from './workload.ts'

export interface RecreatedTopicOptions {
  readonly time: FakeTime
  readonly seed: number | string
  /** Who changes it, and who writes. */
  readonly client: Client
  readonly writer: Client
  readonly events: Events
  readonly tell: (line: string) => void
  readonly brokers: readonly number[]
}

export const RECREATED = 'recreated'

const PAUSE_MS_MAX = 8_000
const WRITE_PAUSE_MS_MAX = 2_000
const TIMEOUT_MS = 4_000
const DELIVERY_TIMEOUT_MS = 10_000
const RETRY_PAUSE_MS = 300
const PARTITIONS_MAX = 3

export class RecreatedTopic implements Workload {
  readonly #options: RecreatedTopicOptions
  readonly #random: Random
  readonly #producer: Producer
  readonly #written: Written[] = []
  readonly #calm = new AbortController()
  readonly #stop = new AbortController()
  readonly #running: Promise<unknown>[]
  /** How often it was made, as far as is known. */
  #made = 0
  #partitions = 0
  #left = 'its end has not begun'

  constructor(options: RecreatedTopicOptions) {
    this.#options = options
    this.#random = seededRandom(`recreated topic of ${options.seed}`)
    this.#producer = new Producer(options.writer, {
      ...{ acks: 'all', deliveryTimeoutMs: DELIVERY_TIMEOUT_MS, requestTimeoutMs: TIMEOUT_MS },
    })
    this.#running = [this.#keepChanging(), this.#keepWriting()]
  }

  calmDown(): void {
    this.#calm.abort()
  }

  unrest(): string | null {
    return this.#left === '' ? null : `${RECREATED}: ${this.#left}`
  }

  check(logs: FinalLogs): string[] {
    return checkRecreated(logs({ topic: RECREATED, partition: 0 }), this.#written)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#calm.abort()
    this.#stop.abort(new Error('The run is over'))
    await this.#producer[Symbol.asyncDispose]()
    await Promise.all(this.#running)
  }

  async #keepChanging(): Promise<void> {
    await this.#create()
    while (!this.#calm.signal.aborted) {
      await this.#unlessCalm(1 + this.#random.below(PAUSE_MS_MAX))
      if (this.#calm.signal.aborted) break
      if (this.#random.below(3) === 0) await this.#grow()
      else if (await this.#delete()) await this.#create()
    }
    await this.#finish()
  }

  /** Until there is one, whoever made it. */
  async #create(): Promise<void> {
    const { client, brokers, events, tell, time } = this.#options
    while (!this.#stop.signal.aborted) {
      const outcome = await outcomeOf(
        createTopics(client, [{ name: RECREATED, assignments: [brokers] }], { timeoutMs: TIMEOUT_MS }),
      )
      if (outcome === 'NONE' || outcome === 'TOPIC_ALREADY_EXISTS') break
      await time.sleep(RETRY_PAUSE_MS)
    }
    this.#made++
    this.#partitions = 1
    if (this.#made > 1) events.count('topic made anew')
    tell(`${RECREATED} is made, number ${this.#made}`)
  }

  /** Answers whether it is known to be gone. */
  async #delete(): Promise<boolean> {
    const { client, time, tell } = this.#options
    const askedMs = time.monotonicMs()
    for (const one of this.#written) one.deletedMs ??= one.ackedMs === null ? null : askedMs
    const outcome = await outcomeOf(deleteTopics(client, [RECREATED], { timeoutMs: TIMEOUT_MS }))
    tell(`${RECREATED} is deleted: ${outcome}`)
    if (outcome === 'NONE' || outcome === 'UNKNOWN_TOPIC_OR_PARTITION') return true
    // It may be there or not: records of before may still be in it.
    for (const one of this.#written) if (one.deletedMs === askedMs) one.deletedMs = null
    return false
  }

  async #grow(): Promise<void> {
    if (this.#partitions >= PARTITIONS_MAX) return
    const { client, events, tell } = this.#options
    const total = this.#partitions + 1
    const outcome = await outcomeOf(createPartitions(client, [{ name: RECREATED, total }], { timeoutMs: TIMEOUT_MS }))
    if (outcome !== 'NONE') return
    this.#partitions = total
    events.count('partitions added')
    tell(`${RECREATED} has ${total} partitions`)
  }

  async #keepWriting(): Promise<void> {
    for (let number = 0; !this.#calm.signal.aborted; number++) {
      await this.#unlessCalm(1 + this.#random.below(WRITE_PAUSE_MS_MAX))
      if (!this.#calm.signal.aborted) void this.#write(`churned ${number}`).catch(() => undefined)
    }
  }

  async #write(value: string): Promise<number> {
    const written: Written = { value, ackedMs: null, deletedMs: null }
    this.#written.push(written)
    const { offset } = await this.#producer.send(RECREATED, { partition: 0, value })
    written.ackedMs = this.#options.time.monotonicMs()
    return offset
  }

  /** All is well: an old client's record arrives in what is there now, and is read from it. */
  async #finish(): Promise<void> {
    this.#left = 'it is not there'
    await this.#create()
    for (let at = 0; this.#left !== '' && !this.#stop.signal.aborted; at++) {
      const value = `last ${at}`
      this.#left = 'a last record is not taken'
      await this.#write(value).then(
        () => this.#untilRead(value),
        () => this.#options.time.sleep(RETRY_PAUSE_MS),
      )
    }
  }

  async #untilRead(value: string): Promise<void> {
    this.#left = 'a last record is not read'
    const { signal } = this.#stop
    try {
      const assignments = [{ topic: RECREATED, partition: 0, from: 'beginning' } as const]
      await using consumer = await AssignedConsumer.open(this.#options.client, { assignments }, { signal })
      for await (const record of consumer.records({ signal })) if (String(record.value) === value) break
      this.#left = ''
    } catch (error) {
      this.#left = `a last record is not read: ${(error as Error).message}`
    }
  }

  async #unlessCalm(delayMs: number): Promise<void> {
    await this.#options.time.sleep(delayMs, { signal: this.#calm.signal }).catch(() => undefined)
  }
}

/** NONE, an error's name, or 'unknown'. */
async function outcomeOf(asking: Promise<readonly Outcome[]>): Promise<string> {
  return await asking.then(
    ([one]) => one?.error?.error ?? 'NONE',
    () => 'unknown',
  )
}
