/**
 * Owns one group of foreign members under test: who should be in it and own what, whether it has settled so and in how
 * many rounds, and whether every record of its topics came to it exactly once.
 */
import assert from 'node:assert/strict'
import type { JoinCommand } from '../clients/member-commands.ts'
import type { GroupClient, Rebalance } from './clients.ts'
import { committedOffsets, type GroupObserver, type GroupView } from './group-view.ts'
import { MemberProcess, type Program } from './member-process.ts'
import type { TopicFeed } from './topic-feed.ts'
import { type Looked, waitUntil } from './wait-until.ts'

/** Long enough that a busy machine expels nobody, short enough to wait for. */
export const SESSION_MS = 6000
export const HEARTBEAT_MS = 200
const METADATA_AGE_MS = 200

export interface PartyOptions {
  readonly observer: GroupObserver
  readonly bootstrap: string
  readonly group: string
  readonly rebalance: Rebalance
  readonly assignor: string
}

export interface Settled {
  /** All that are owned, as `topic-partition`. */
  readonly partitions: readonly string[]
  /** How many rounds it takes from where it settled before, no more and no less; not judged when left out. */
  readonly rounds?: number
  /** Where members find out by themselves, each at its own time, so many rounds are allowed; `rounds` when left out. */
  readonly roundsMax?: number
  /** The client ids of all members; those that joined by this party when left out. */
  readonly clients?: readonly string[]
}

export class Party implements AsyncDisposable {
  readonly #options: PartyOptions
  readonly #processes: MemberProcess[] = []
  readonly #members = new Map<string, MemberProcess>()
  #round = 0
  /** By value, how often it had come when it was known to be committed. */
  #committed: ReadonlyMap<string, number> = new Map()

  constructor(options: PartyOptions) {
    this.#options = options
  }

  static of(client: GroupClient, options: Omit<PartyOptions, 'rebalance'>): Party {
    return new Party({ ...options, rebalance: client.assignors[options.assignor]! })
  }

  start(program: Program): MemberProcess {
    const process = new MemberProcess(program)
    this.#processes.push(process)
    return process
  }

  /** A member whose process is one by itself. */
  startMember(member: string, program: Program): MemberProcess {
    const process = this.start(program)
    this.#members.set(member, process)
    return process
  }

  join(process: MemberProcess, members: readonly string[], topics: readonly string[]): void {
    const { group, assignor } = this.#options
    const times = { sessionTimeoutMs: SESSION_MS, heartbeatMs: HEARTBEAT_MS, metadataAgeMs: METADATA_AGE_MS }
    for (const member of members) {
      const command: JoinCommand = { do: 'join', member, group, topics, assignor, ...times }
      process.send(command)
      this.#members.set(member, process)
    }
  }

  leave(member: string): void {
    this.#members.get(member)!.send({ do: 'leave', member })
    this.#members.delete(member)
  }

  subscribe(member: string, topics: readonly string[]): void {
    this.#members.get(member)!.send({ do: 'subscribe', member, topics })
  }

  /** Ends a process, with all its members, as a power switch would. */
  async kill(process: MemberProcess): Promise<void> {
    for (const [member, owner] of this.#members) if (owner === process) this.#members.delete(member)
    await process.kill()
  }

  /** Resolves once the members that are there own these partitions, each of them one member's. */
  async settled(wanted: Settled): Promise<GroupView> {
    const { group } = this.#options
    const { rounds, roundsMax } = wanted
    const least = this.#round + (rounds ?? 0)
    const view = await waitUntil(`group ${group} settle`, async () => this.#look(await this.#view(), wanted, least))
    const most = rounds === undefined ? view.round : this.#round + (roundsMax ?? rounds)
    assert(view.round <= most, `Group ${group} settles in the fewest rounds: in ${view.round}, not ${most}`)
    this.#round = view.round
    return view
  }

  /** Nothing has happened in the group since it settled. */
  async rests(): Promise<void> {
    const { state, round } = await this.#view()
    assert.deepEqual({ state, round }, { state: 'Stable', round: this.#round }, `Group ${this.#options.group} rests`)
  }

  /**
   * Resolves once every record that was fed has come and is committed. Throws where one came again that was known to be
   * committed before: others may, as a client reads on from its committed offsets when its group has rebalanced.
   */
  async hasAll(feeds: readonly TopicFeed[]): Promise<void> {
    await this.#untilDelivered(feeds.flatMap((feed) => feed.values))
    await this.#untilCommitted(feeds.flatMap((feed) => [...feed.ends]))
    const delivered = this.#delivered()
    const again = [...this.#committed].filter(([value, count]) => delivered.get(value) !== count)
    assert.deepEqual(
      this.#receiversOf(again.map(([value]) => value)),
      [],
      `Group ${this.#options.group} gets nothing again that it has committed`,
    )
    this.#committed = delivered
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map(async (process) => await process[Symbol.asyncDispose]()))
  }

  async #view(): Promise<GroupView> {
    const { observer, group, rebalance } = this.#options
    return await observer.view(group, { isConsumer: rebalance === 'consumer' })
  }

  async #untilDelivered(values: readonly string[]): Promise<void> {
    await waitUntil(`${values.length} records at group ${this.#options.group}`, async () => {
      const delivered = this.#delivered()
      const missing = values.filter((value) => !delivered.has(value))
      if (missing.length === 0) return { found: true }
      return { missing: `${missing.length} are missing, as ${missing[0]} ${this.#failures()}` }
    })
  }

  async #untilCommitted(ends: readonly (readonly [partition: string, offset: number])[]): Promise<void> {
    const { observer, group } = this.#options
    await waitUntil(`the commits of group ${group}`, async () => {
      const committed = await committedOffsets(observer.connection, group)
      const behind = ends.find(([partition, end]) => committed.get(partition) !== end)
      if (behind === undefined) return { found: true }
      return { missing: `${behind[0]} is at ${committed.get(behind[0])}, not ${behind[1]} ${this.#failures()}` }
    })
  }

  #look(view: GroupView, { partitions, clients }: Settled, least: number): Looked<GroupView> {
    const { state, round, members } = view
    const present = members.map(({ clientId }) => clientId).sort()
    const owned = members.flatMap((member) => member.partitions).sort()
    const expected = clients ?? [...this.#members.keys()]
    const isComplete = isSame(present, [...expected].sort()) && isSame(owned, [...partitions].sort())
    if (state === 'Stable' && round >= least && isComplete) return { found: view }
    const there = `${present.join(' ')} own ${owned.join(' ')}`
    return { missing: `it is ${state} in round ${round} of ${least}, ${there} ${this.#failures()}` }
  }

  /** By value, how often it came. */
  #delivered(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { deliveries } of this.#processes)
      for (const { record } of deliveries) counts.set(record[3], (counts.get(record[3]) ?? 0) + 1)
    return counts
  }

  /** Who got each of these values, in each process in its order. */
  #receiversOf(values: readonly string[]): string[] {
    const deliveries = this.#processes.flatMap((process) => process.deliveries)
    return values.map((value) => {
      const members = deliveries.filter(({ record }) => record[3] === value).map(({ member }) => member)
      return `${value} came to ${members.join(', ')}`
    })
  }

  #failures(): string {
    return this.#processes.map(({ failures }) => failures).join('')
  }
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index])
}
