/**
 * Owns one group of foreign members under test: who should be in it and own what, whether it has settled so and in how
 * many rounds, and whether every record of its topics came to it exactly once.
 */
import assert from 'node:assert/strict'
import type { JoinCommand, MemberTimes } from '../clients/member-commands.ts'
import type { GroupClient, Rebalance } from './clients.ts'
import { Deliveries } from './deliveries.ts'
import { committedOffsets, type GroupObserver, type GroupView } from './group-view.ts'
import { MemberProcess, type Program } from './member-process.ts'
import type { Ownership } from './ownership.ts'
import type { TopicFeed } from './topic-feed.ts'
import { type Looked, waitUntil } from './wait-until.ts'

/** Long enough that a busy machine expels nobody, short enough to wait for. */
export const SESSION_MS = 6000
export const HEARTBEAT_MS = 200
const METADATA_AGE_MS = 200
export const QUICK_TIMES: MemberTimes = {
  sessionTimeoutMs: SESSION_MS,
  heartbeatMs: HEARTBEAT_MS,
  metadataAgeMs: METADATA_AGE_MS,
}

/** Of what went wrong, so much is told. */
const FAULTS_SHOWN_MAX = 5

export interface PartyOptions {
  readonly observer: GroupObserver
  readonly bootstrap: string
  readonly group: string
  readonly rebalance: Rebalance
  readonly assignor: string
  /** As the client's; false when left out. */
  readonly rereads?: boolean
  /** Quick ones when left out. */
  readonly times?: MemberTimes
}

export interface Settled {
  /** What it settles after, for whoever reads of a failure. */
  readonly after?: string
  /** All that are owned, as `topic-partition`. */
  readonly partitions: readonly string[]
  /** How many rounds it takes from where it settled before, no more and no less; not judged when left out. */
  readonly rounds?: number
  /** Where members find out by themselves, each at its own time, so many rounds are allowed; `rounds` when left out. */
  readonly roundsMax?: number
  /** The client ids of all members; those that joined by this party when left out. */
  readonly clients?: readonly string[]
  /** How long to wait for it; as for everything else when left out. */
  readonly waitMs?: number
}

export class Party implements AsyncDisposable {
  readonly #options: PartyOptions
  readonly #processes: MemberProcess[] = []
  readonly #members = new Map<string, MemberProcess>()
  readonly #deliveries = new Deliveries()
  readonly #ownership: Ownership
  #round = 0
  /** What the last change may still come to. */
  #roundMax = 0

  constructor(options: PartyOptions) {
    this.#options = options
    const rereads = options.rereads === true || options.rebalance === 'eager'
    this.#ownership = options.observer.follow(options.group, { rereads })
  }

  /** Where it settled last. */
  get round(): number {
    return this.#round
  }

  /** How many records came more than once, not having been committed in time. */
  get repeated(): number {
    return this.#deliveries.repeated
  }

  /** The generations or epochs since its first member came. */
  get rounds(): Ownership['rounds'] {
    return this.#ownership.rounds
  }

  static of(client: GroupClient, options: Omit<PartyOptions, 'rebalance'>): Party {
    return new Party({ ...options, rebalance: client.assignors[options.assignor]!, rereads: client.rereads })
  }

  start(program: Program): MemberProcess {
    const process = new MemberProcess(program)
    this.#processes.push(process)
    return process
  }

  join(process: MemberProcess, members: readonly string[], topics: readonly string[]): void {
    const { group, assignor, times = QUICK_TIMES } = this.#options
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
    const { rounds, roundsMax, after = 'joining' } = wanted
    const least = this.#round + (rounds ?? 0)
    const view = await waitUntil(
      `group ${group} settle`,
      async () => this.#look(await this.#view(), wanted, least),
      wanted.waitMs,
    )
    const most = rounds === undefined ? view.round : this.#round + (roundsMax ?? rounds)
    assert(
      view.round <= most,
      `Group ${group} settles in the fewest rounds after ${after}: in ${view.round}, not ${most}`,
    )
    this.#round = view.round
    this.#roundMax = Math.max(most, view.round)
    return view
  }

  /** Nothing has happened in the group since it settled, but for rounds that its last change may still take. */
  async rests(): Promise<GroupView> {
    const { group } = this.#options
    const isLate = this.#roundMax > this.#round
    const view = isLate
      ? await waitUntil(`group ${group} rest`, async () => stableOr(await this.#view()))
      : await this.#view()
    const { state, round } = view
    const expected = { state: 'Stable', round: Math.min(Math.max(round, this.#round), this.#roundMax) }
    assert.deepEqual({ state, round }, expected, `Group ${group} rests`)
    this.#round = round
    return view
  }

  /**
   * Resolves once every record that was fed by now has come and is committed. Throws where a partition had two owners,
   * or a record came to a member that had nothing to do with it, or again after it was committed; others may come again,
   * as a client reads on from its committed offsets when its group has rebalanced.
   */
  async hasAll(feeds: readonly TopicFeed[]): Promise<void> {
    const values = feeds.flatMap((feed) => feed.values)
    const ends = feeds.flatMap((feed) => [...feed.ends])
    await this.#untilDelivered(values)
    await this.#untilCommitted(ends)
    await this.#options.observer.catchUp()
    const faults = [...this.#ownership.faults, ...this.#deliveries.faults(this.#ownership)]
    const some = faults.slice(0, FAULTS_SHOWN_MAX)
    assert.deepEqual(some, [], `Group ${this.#options.group} gets each record once: ${faults.length} faults`)
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
      this.#deliveries.take(this.#processes)
      const missing = this.#deliveries.missing(values)
      if (missing.length === 0) return { found: true }
      return { missing: `${missing.length} are missing, as ${missing[0]} ${this.#failures()}` }
    })
  }

  async #untilCommitted(ends: readonly (readonly [partition: string, offset: number])[]): Promise<void> {
    const { observer, group } = this.#options
    await waitUntil(`the commits of group ${group}`, async () => {
      const committed = await committedOffsets(observer.connection, group)
      const behind = ends.find(([partition, end]) => (committed.get(partition) ?? -1) < end)
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

  #failures(): string {
    return this.#processes.map(({ failures }) => failures).join('')
  }
}

function stableOr(view: GroupView): Looked<GroupView> {
  return view.state === 'Stable' ? { found: view } : { missing: `it is ${view.state} in round ${view.round}` }
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index])
}
