/**
 * Owns the life of one group whose members subscribe to a pattern, under continuous load: a topic that matches is
 * created, another is deleted. Each must reach the group in the fewest rounds, and no record may be missed.
 */
import { systemClock } from '@ottla/base/clock.ts'
import { createTopic } from '../cluster.ts'
import type { Rebalance } from './clients.ts'
import type { LifeOptions, LivedChange } from './life.ts'
import { Load } from './load.ts'
import { Party } from './party.ts'
import { deleteTopic } from './topic-changes.ts'
import { TopicFeed } from './topic-feed.ts'

const PARTITIONS = 2
/**
 * Members of classic groups look for topics by themselves: at worst the group rebalances once for each of the two, and
 * once more where cooperative members hand over. Of KIP-848 the broker sees it.
 */
const ROUNDS_MAX: Readonly<Record<Rebalance, number>> = { eager: 2, cooperative: 3, consumer: 1 }

class PatternLife implements AsyncDisposable {
  readonly #options: LifeOptions
  readonly #party: Party
  readonly #first: TopicFeed
  readonly #second: TopicFeed
  readonly changes: LivedChange[] = []

  constructor(options: LifeOptions) {
    this.#options = options
    this.#party = Party.of(options.client, options)
    this.#first = new TopicFeed(`${options.group}.1`)
    this.#second = new TopicFeed(`${options.group}.2`)
  }

  /** Until it has settled with the topic that was there before. */
  async begin(): Promise<void> {
    const { client, bootstrap, group } = this.#options
    await this.#create(`${group}.1`)
    const pattern = `^${group.replaceAll('.', '[.]')}[.].*`
    for (const member of ['a', 'b']) this.#party.join(this.#party.start(client.program(bootstrap)), [member], [pattern])
    await this.#party.settled({ partitions: this.#first.partitions(PARTITIONS) })
  }

  async seesCreation(): Promise<void> {
    await using _load = this.#load(this.#first)
    const both = [this.#first, this.#second]
    await this.#change('create', both, async () => {
      await this.#create(`${this.#options.group}.2`)
      await this.#second.add(this.#options.observer.connection, { partitions: PARTITIONS, records: 1 })
    })
  }

  async seesDeletion(): Promise<void> {
    const { observer, group } = this.#options
    await this.#party.hasAll([this.#first])
    await using _load = this.#load(this.#second)
    await this.#change('delete', [this.#second], async () => await deleteTopic(observer.connection, `${group}.1`))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#party[Symbol.asyncDispose]()
  }

  async #create(name: string): Promise<void> {
    await createTopic(this.#options.observer.connection, { name, partitions: PARTITIONS })
  }

  #load(feed: TopicFeed): Load {
    return new Load(this.#options.observer, [{ feed, partitions: () => PARTITIONS }])
  }

  async #change(what: 'create' | 'delete', left: readonly TopicFeed[], make: () => Promise<void>): Promise<void> {
    const { client, assignor } = this.#options
    const { round } = await this.#party.rests()
    const startMs = systemClock.monotonicMs()
    await make()
    const partitions = left.flatMap((feed) => feed.partitions(PARTITIONS))
    const roundsMax = ROUNDS_MAX[client.assignors[assignor]!]
    await this.#party.settled({ partitions, rounds: 1, roundsMax, after: what })
    const tookMs = Math.round(systemClock.monotonicMs() - startMs)
    await this.#party.hasAll(left)
    const after = await this.#party.rests()
    this.changes.push({ what, rounds: after.round - round, tookMs })
  }
}

/** Resolves with what it took. */
export async function livePattern(options: LifeOptions): Promise<readonly LivedChange[]> {
  await using life = new PatternLife(options)
  await life.begin()
  await life.seesCreation()
  if (options.client.seesDeletions) await life.seesDeletion()
  return life.changes
}
