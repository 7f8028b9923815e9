/** One program that reads as a member of a group, on a host of its own, until it leaves or dies. */
import type { FakeTime } from '@ottla/base/fake-time.ts'
import type { Random } from '@ottla/base/random.ts'
import { GroupConsumer } from '@ottla/client/consumer/group-consumer.ts'
import type { Events } from '../checkers/events.ts'
import type { ClientHosts } from '../client-hosts.ts'
import type { GroupHistory } from './group-history.ts'
import type { Place } from './workload.ts'

export interface MemberOptions {
  readonly time: FakeTime
  readonly random: Random
  readonly clients: ClientHosts
  readonly events: Events
  readonly history: GroupHistory
  readonly topics: readonly string[]
  readonly protocol: 'classic' | 'consumer'
  readonly tell: (line: string) => void
}

const SESSION_TIMEOUT_MS = 6_000
const HEARTBEAT_INTERVAL_MS = 1_000
const REBALANCE_TIMEOUT_MS = 5_000
const COMMIT_PAUSE_MS_MAX = 1_500

export class GroupMember {
  readonly #options: MemberOptions
  readonly #host: string
  readonly #opening: ReturnType<ClientHosts['open']>['client']
  readonly #stop = new AbortController()
  #consumer: GroupConsumer | null = null
  #isEnded = false

  constructor(options: MemberOptions) {
    this.#options = options
    const { host, client } = options.clients.open({ signal: this.#stop.signal })
    this.#host = host
    this.#opening = client
    this.#run().catch((error: Error) => this.#failed(error))
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** In order: commits are done, the group is told. Dies where it has not even joined. */
  async leave(): Promise<void> {
    if (this.#isEnded || this.#consumer === null) return this.crash()
    this.#stop.abort(new Error('The member leaves'))
    await this.#consumer.leave()
    const client = await this.#opening
    await client[Symbol.asyncDispose]()
    this.crash()
  }

  /** Without a word. */
  crash(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#options.clients.crash(this.#host)
    this.#options.history.end(this.#host, { nowMs: this.#nowMs })
  }

  get #nowMs(): number {
    return this.#options.time.monotonicMs()
  }

  async #run(): Promise<void> {
    const { history, topics, protocol, events } = this.#options
    const client = await this.#opening
    const end = (places: readonly Place[]): void => history.end(this.#host, { places, nowMs: this.#nowMs })
    const { signal } = this.#stop
    const consumer = await GroupConsumer.join(
      client,
      {
        ...{ group: history.group, topics, protocol, from: 'beginning', autoCommit: false },
        ...{ sessionTimeoutMs: SESSION_TIMEOUT_MS, heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS },
        rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
        onAssigned: (places) => {
          events.count('rebalance')
          for (const place of places) history.begin(place, { member: this.#host, nowMs: this.#nowMs })
        },
        onRevoked: end,
        onLost: (places) => {
          events.count('partitions lost')
          end(places)
        },
      },
      { signal },
    )
    this.#consumer = consumer
    void this.#commitAgainAndAgain(consumer)
    for await (const { topic, partition, offset, value } of consumer.records({ signal })) {
      const session = history.of(this.#host).find((one) => one.topic === topic && one.partition === partition)
      session?.records.push({ offset, value: String(value) })
    }
  }

  async #commitAgainAndAgain(consumer: GroupConsumer): Promise<void> {
    while (!this.#isEnded && !this.#stop.signal.aborted) {
      await this.#options.time.sleep(1 + this.#options.random.below(COMMIT_PAUSE_MS_MAX))
      if (!this.#isEnded) await this.#commit(consumer).catch(() => undefined)
    }
  }

  async #commit(consumer: GroupConsumer): Promise<void> {
    const sentMs = this.#nowMs
    const due = this.#options.history.of(this.#host).flatMap((session) => {
      const last = session.records.at(-1)
      const done = session.commits.findLast(({ ackedMs }) => ackedMs !== null)?.offset ?? -1
      return last === undefined || done === last.offset + 1 ? [] : [{ session, offset: last.offset + 1 }]
    })
    if (due.length === 0) return
    const commits = due.map(({ session, offset }) => {
      const commit = { offset, sentMs, ackedMs: null as number | null }
      session.commits.push(commit)
      return commit
    })
    await consumer.commit(due.map(({ session: { topic, partition }, offset }) => ({ topic, partition, offset })))
    for (const commit of commits) commit.ackedMs = this.#nowMs
  }

  #failed(error: Error): void {
    if (this.#isEnded || this.#stop.signal.aborted) return
    this.#options.events.count('member failed')
    this.#options.tell(`${this.#host} reads no more for group ${this.#options.history.group}: ${error.message}`)
    this.crash()
  }
}
