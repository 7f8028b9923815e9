/**
 * Owns the life of one group of a client, under continuous load: members join, leave, subscribe to more and to less and
 * are killed, partitions are added. After each change the group must settle in the fewest rounds, and have got every
 * record: none twice that was committed.
 */
import { systemClock } from '@ottla/base/clock.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { createTopic } from '../cluster.ts'
import type { GroupClient, Rebalance } from './clients.ts'
import type { GroupObserver } from './group-view.ts'
import { Load } from './load.ts'
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
/** How long the load goes on before the change, in ms. */
const BEFORE_MS = 200
/**
 * Rounds of a change by how members rebalance, at least and at most. Where a partition passes from one member to another,
 * a cooperative group needs a second generation to hand it over; KIP-848 does so within its one epoch. Two members are
 * killed together: a classic group learns of both at once, or of the second while it rebalances, KIP-848 has an epoch for
 * each. Members of classic groups look for new partitions themselves: who looks late has the group rebalance once more.
 */
const ONE = { least: 1, most: 1 }
const ONE_OR_TWO = { least: 1, most: 2 }
const TWO = { least: 2, most: 2 }
const ROUNDS = {
  eager: { join: ONE, leave: ONE, subscribe: ONE, unsubscribe: ONE, partitions: ONE_OR_TWO, die: ONE_OR_TWO },
  cooperative: {
    ...{ join: TWO, leave: ONE_OR_TWO, subscribe: ONE_OR_TWO, unsubscribe: ONE_OR_TWO },
    ...{ partitions: ONE_OR_TWO, die: ONE_OR_TWO },
  },
  consumer: { join: ONE, leave: ONE, subscribe: ONE, unsubscribe: ONE, partitions: ONE, die: TWO },
} as const
/** Where a member has to leave to subscribe anew, the group may settle without it first. */
const LEAVE_AND_JOIN = { eager: ONE_OR_TWO, cooperative: { least: 1, most: 3 }, consumer: TWO } as const
export type Change = keyof (typeof ROUNDS)['eager']

/** What a life has shown, for a table. */
export interface LivedChange {
  readonly what: Change | 'create' | 'delete'
  readonly rounds: number
  readonly tookMs: number
}

export class GroupLife implements AsyncDisposable {
  readonly #options: LifeOptions
  readonly #party: Party
  readonly #main: TopicFeed
  readonly #other: TopicFeed
  readonly #rebalance: Rebalance
  #partitions = PARTITIONS
  /** In the order in which they were. */
  readonly changes: LivedChange[] = []

  constructor(options: LifeOptions) {
    const { client, assignor, group } = options
    this.#options = options
    this.#party = Party.of(client, options)
    this.#rebalance = client.assignors[assignor]!
    this.#main = new TopicFeed(`${group}.main`)
    this.#other = new TopicFeed(`${group}.other`)
  }

  /** Records that came more than once, not having been committed in time. */
  get repeated(): number {
    return this.#party.repeated
  }

  /** Until its one process is left, whose two members are at rest. */
  async live(): Promise<void> {
    const { client, observer, bootstrap, group } = this.#options
    const topics = [`${group}.main`, `${group}.other`]
    const [main = '', other = ''] = topics
    // All want the topic that gets more partitions: of a classic group its leader alone looks out for them.
    await createTopic(observer.connection, { name: main, partitions: PARTITIONS })
    await createTopic(observer.connection, { name: other, partitions: OTHER_PARTITIONS })
    const first = this.#party.start(client.program(bootstrap))
    const second = this.#party.start(client.program(bootstrap))
    this.#party.join(first, ['a1', 'a2'], topics)
    this.#party.join(second, ['b1'], client.mixesTopics ? [other] : topics)
    await this.#party.settled({ partitions: this.#owned() })
    await this.#change('join', () => this.#party.join(second, ['b2'], topics))
    if (client.mixesTopics) {
      await this.#change('subscribe', () => this.#party.subscribe('b1', topics))
      await this.#change('unsubscribe', () => this.#party.subscribe('b1', [main]))
    }
    await this.#change('leave', () => this.#party.leave('a2'))
    if (client.seesPartitions) await this.#change('partitions', async () => await this.#addPartitions())
    await this.#change('die', async () => await this.#party.kill(second))
  }

  /** New records come, and only they. */
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

  #load(): Load {
    return new Load(this.#options.observer, [
      { feed: this.#main, partitions: () => this.#partitions },
      { feed: this.#other, partitions: () => OTHER_PARTITIONS },
    ])
  }

  async #change(what: Change, make: () => unknown): Promise<void> {
    const { log, group, client } = this.#options
    const isQuiet = client.commitsEarly && what !== 'join' && what !== 'partitions'
    await using _load = isQuiet ? null : this.#load()
    await (isQuiet ? this.getsRecords() : systemTimers.sleep(BEFORE_MS))
    const { round } = await this.#party.rests()
    const startMs = systemClock.monotonicMs()
    await make()
    const { least: rounds, most: roundsMax } = this.#roundsOf(what)
    await this.#party.settled({ partitions: this.#owned(), rounds, roundsMax, after: what })
    const tookMs = Math.round(systemClock.monotonicMs() - startMs)
    log?.(`${group}: ${what} settled after ${tookMs} ms`)
    await (isQuiet ? this.getsRecords() : this.#party.hasAll([this.#main, this.#other]))
    const after = await this.#party.rests()
    this.changes.push({ what, rounds: after.round - round, tookMs })
  }

  #roundsOf(what: Change): { readonly least: number; readonly most: number } {
    const isSubscription = what === 'subscribe' || what === 'unsubscribe'
    if (isSubscription && !this.#options.client.resubscribes) return LEAVE_AND_JOIN[this.#rebalance]
    return ROUNDS[this.#rebalance][what]
  }

  #owned(): string[] {
    return [...this.#main.partitions(this.#partitions), ...this.#other.partitions(OTHER_PARTITIONS)]
  }
}
