/**
 * Owns the life of one group of a foreign client: members join, leave, subscribe to more and are killed, partitions are
 * added. After each change the group must settle in the fewest rounds, and after that get new records exactly once.
 */
import { systemClock } from '@ottla/base/clock.ts'
import { createTopic } from '../cluster.ts'
import type { GroupClient } from './clients.ts'
import type { GroupObserver } from './group-view.ts'
import { Party } from './party.ts'
import { addPartitions } from './topic-changes.ts'
import { TopicFeed } from './topic-feed.ts'

export interface LifeOptions {
  readonly observer: GroupObserver
  readonly bootstrap: string
  /** Also in the names of its topics. */
  readonly group: string
  readonly client: GroupClient
  readonly assignor: string
  readonly log?: (line: string) => void
}

const PARTITIONS = 6
const PARTITIONS_LATER = 8
const OTHER_PARTITIONS = 2
const RECORDS = 3
/**
 * Rounds of a change by how members rebalance. Where a partition passes from one member to another, a cooperative group
 * needs a second generation to hand it over; KIP-848 does so within its one epoch. Two members are killed together: a
 * classic group learns of both at once, or of the second while it rebalances, KIP-848 has an epoch for each.
 */
const ROUNDS = {
  eager: { join: 1, leave: 1, subscribe: 1, partitions: 1, die: 1 },
  cooperative: { join: 2, leave: 1, subscribe: 1, partitions: 1, die: 1 },
  consumer: { join: 1, leave: 1, subscribe: 1, partitions: 1, die: 2 },
} as const
type Change = keyof (typeof ROUNDS)['eager']

export class GroupLife implements AsyncDisposable {
  readonly #options: LifeOptions
  readonly #party: Party
  readonly #main: TopicFeed
  readonly #other: TopicFeed
  readonly #rounds: (typeof ROUNDS)[keyof typeof ROUNDS]
  #partitions = PARTITIONS

  constructor(options: LifeOptions) {
    const { client, assignor, group } = options
    this.#options = options
    this.#party = Party.of(client, options)
    this.#rounds = ROUNDS[client.assignors[assignor]!]
    this.#main = new TopicFeed(`${group}.main`)
    this.#other = new TopicFeed(`${group}.other`)
  }

  /** Until its one process is left, whose two members are at rest. */
  async live(): Promise<void> {
    const { client, observer, bootstrap, group } = this.#options
    const topics = [`${group}.main`, `${group}.other`]
    await createTopic(observer.connection, { name: topics[0]!, partitions: PARTITIONS })
    await createTopic(observer.connection, { name: topics[1]!, partitions: OTHER_PARTITIONS })
    const first = this.#party.start(client.program(bootstrap))
    const second = this.#party.start(client.program(bootstrap))
    this.#party.join(first, ['a1', 'a2'], topics)
    this.#party.join(second, ['b1'], client.mixesTopics ? topics.slice(0, 1) : topics)
    await this.#party.settled({ partitions: this.#owned() })
    await this.getsRecords()
    await this.#change('join', () => this.#party.join(second, ['b2'], topics))
    if (client.mixesTopics) await this.#change('subscribe', () => this.#party.subscribe('b1', topics))
    await this.#change('leave', () => this.#party.leave('a2'))
    if (client.seesPartitions) await this.#change('partitions', async () => await this.#addPartitions())
    await this.#change('die', async () => await this.#party.kill(second))
  }

  /** New records come exactly once, and only they. */
  async getsRecords(): Promise<void> {
    const { connection } = this.#options.observer
    await this.#main.add(connection, { partitions: this.#partitions, records: RECORDS })
    await this.#other.add(connection, { partitions: OTHER_PARTITIONS, records: RECORDS })
    await this.#party.hasAll([this.#main, this.#other])
  }

  /** No rebalance has been since it settled. */
  async rests(): Promise<void> {
    await this.#party.rests()
  }

  /** After the broker was away: new records come, and its members are still those that it settled with. */
  async goesOn(): Promise<void> {
    await this.getsRecords()
    if (this.#options.client.outlivesBroker) await this.#party.rests()
    else await this.#party.settled({ partitions: this.#owned() })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#party[Symbol.asyncDispose]()
  }

  async #addPartitions(): Promise<void> {
    const { observer, group } = this.#options
    await addPartitions(observer.connection, { name: `${group}.main`, count: PARTITIONS_LATER })
    this.#partitions = PARTITIONS_LATER
  }

  async #change(what: Change, make: () => unknown): Promise<void> {
    const { log, group } = this.#options
    await this.#party.rests()
    const startMs = systemClock.monotonicMs()
    await make()
    const rounds = this.#rounds[what]
    // Members of classic groups look for new partitions themselves: who looks late has the group rebalance once more.
    const roundsMax = what === 'partitions' && this.#isClassic ? rounds + 1 : rounds
    await this.#party.settled({ partitions: this.#owned(), rounds, roundsMax })
    log?.(`${group}: ${what} settled after ${Math.round(systemClock.monotonicMs() - startMs)} ms`)
    await this.getsRecords()
  }

  get #isClassic(): boolean {
    return this.#rounds !== ROUNDS.consumer
  }

  #owned(): string[] {
    return [...this.#main.partitions(this.#partitions), ...this.#other.partitions(OTHER_PARTITIONS)]
  }
}
