/**
 * What an operator does in a seed run, while everything else goes on: changes configurations, deletes records, moves
 * replicas. Outcomes may be unknown; only what was told as done is held against the cluster.
 */
import type { FakeTime } from '@ottla/base/fake-time.ts'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { alterPartitionReassignments, deleteRecords, incrementalAlterConfigs } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import type { Events } from '../checkers/events.ts'
import type { Place, Workload } from './workload.ts'

export interface ChurnOptions {
  readonly time: FakeTime
  readonly seed: number | string
  readonly client: Client
  readonly events: Events
  readonly tell: (line: string) => void
  readonly brokers: readonly number[]
  /** Records of it are deleted, and how much it keeps changes. */
  readonly bounded: Place
  readonly compactedTopic: string
  /** Moved from brokers to brokers. */
  readonly moved: readonly Place[]
  readonly highWatermark: (place: Place) => number
  /** The first offset that no replica is without having deleted what is below; 0 while one of them does not serve. */
  readonly startEverywhere: (place: Place) => number
  /** Whom the cluster says that a place is on, and whether they are being changed. */
  readonly replicas: (place: Place) => { readonly ids: readonly number[]; readonly isMoving: boolean }
}

const PAUSE_MS_MAX = 6_000
const TIMEOUT_MS = 4_000
const KEPT_BYTES = ['-1', '2000', '10000'] as const
const DIRTY_RATIOS = ['0.01', '0.5'] as const

export class Churn implements Workload {
  readonly #options: ChurnOptions
  readonly #random: Random
  readonly #calm = new AbortController()
  readonly #running: Promise<void>
  /** Whether each of `moved` was asked back to all brokers, in the end. */
  #isRestored = false
  /** Records of `bounded` below it were said to be deleted. */
  deletedTo = 0

  constructor(options: ChurnOptions) {
    this.#options = options
    this.#random = seededRandom(`churn of ${options.seed}`)
    this.#running = this.#keepChanging()
  }

  calmDown(): void {
    this.#calm.abort()
  }

  unrest(): string | null {
    if (!this.#isRestored) return 'not all replicas were asked back'
    const moving = this.#options.moved.find((place) => {
      const { ids, isMoving } = this.#options.replicas(place)
      return isMoving || ids.length < this.#options.brokers.length
    })
    return moving === undefined ? null : `${moving.topic}-${moving.partition} is still being moved`
  }

  check(): string[] {
    return []
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#calm.abort()
    await this.#running
  }

  async #keepChanging(): Promise<void> {
    const { time } = this.#options
    const actions = [() => this.#deleteRecords(), () => this.#configure(), () => this.#move(this.#some())]
    while (!this.#calm.signal.aborted) {
      await time.sleep(1 + this.#random.below(PAUSE_MS_MAX), { signal: this.#calm.signal }).catch(() => undefined)
      if (this.#calm.signal.aborted) break
      await actions[this.#random.below(actions.length)]!().catch((error: Error) => this.#unknown(error))
    }
    await this.#restore()
  }

  #unknown(error: Error): void {
    this.#options.tell(`an operator does not know what became of a change: ${error.message}`)
  }

  async #deleteRecords(): Promise<void> {
    const { client, events, tell, bounded, highWatermark } = this.#options
    const end = highWatermark(bounded)
    const beforeOffset = Number.isFinite(end) && this.#random.below(2) === 0 ? this.#random.below(end + 1) : 'end'
    const [done] = await deleteRecords(client, [{ ...bounded, beforeOffset }], { timeoutMs: TIMEOUT_MS })
    if (done?.error !== null) return
    events.count('records deleted')
    // Whoever leads next may not have heard of it, as the answer does not wait for the in-sync set: what its replicas have
    // followed by then stays deleted.
    this.deletedTo = Math.max(this.deletedTo, this.#options.startEverywhere(bounded))
    tell(`records of ${bounded.topic}-${bounded.partition} below ${done.logStartOffset} are deleted`)
  }

  async #configure(): Promise<void> {
    const { client, events, tell, bounded, compactedTopic } = this.#options
    const [topic, key, values] =
      this.#random.below(2) === 0
        ? ([bounded.topic, 'retention.bytes', KEPT_BYTES] as const)
        : ([compactedTopic, 'min.cleanable.dirty.ratio', DIRTY_RATIOS] as const)
    const value = values[this.#random.below(values.length)]!
    const change = {
      resource: { type: 'topic', name: topic },
      changes: [{ name: key, operation: 'set', value }],
    } as const
    const [done] = await incrementalAlterConfigs(client, [change], { timeoutMs: TIMEOUT_MS })
    if (done?.error !== null) return
    events.count('config altered')
    tell(`${topic} has ${key}=${value}`)
  }

  /** To two or three brokers, in another order. */
  async #move({ topic, partition }: Place): Promise<void> {
    const { brokers, events, tell } = this.#options
    const order = shuffled(brokers, this.#random).slice(0, brokers.length - this.#random.below(2))
    if (!(await this.#ask({ topic, partition }, order))) return
    events.count('reassignment')
    tell(`${topic}-${partition} is to be on ${order}`)
  }

  /** Everything is on all brokers again: who checks the replicas finds them all. */
  async #restore(): Promise<void> {
    const { moved, brokers, replicas, time } = this.#options
    for (const place of moved) {
      for (let isAsked = false; !isAsked; ) {
        const { ids, isMoving } = replicas(place)
        isAsked = (!isMoving && ids.length === brokers.length) || (await this.#ask(place, brokers).catch(() => false))
        if (!isAsked) await time.sleep(TIMEOUT_MS / 10)
      }
    }
    this.#isRestored = true
  }

  async #ask({ topic, partition }: Place, order: readonly number[]): Promise<boolean> {
    const { client } = this.#options
    const move = [{ topic, partition, replicas: order }]
    const [done] = await alterPartitionReassignments(client, move, { timeoutMs: TIMEOUT_MS })
    return done?.error === null
  }

  #some(): Place {
    return this.#options.moved[this.#random.below(this.#options.moved.length)]!
  }
}

function shuffled(ids: readonly number[], random: Random): number[] {
  return ids
    .map((id) => ({ id, at: random.float() }))
    .sort((a, b) => a.at - b.at)
    .map(({ id }) => id)
}
