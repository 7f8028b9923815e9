/**
 * Owns carrying out a plan: begins a bounded number of moves, waits for the cluster to end them, begins the next, and
 * lets the preferred leaders lead at the end. What has been begun goes on in the cluster whoever watches, and under its
 * throttle; a new run goes on from there, and takes the throttle away at its end.
 */
import {
  alterPartitionReassignments,
  describeLogDirs,
  electLeaders,
  listPartitionReassignments,
  type RunningReassignment,
} from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import type { BalancePlan, Move } from './plan.ts'
import { keyOf, type Snapshot } from './snapshot.ts'
import { type Copy, Throttle } from './throttle.ts'

/** Partitions that are moved at one time: more would only share the same disks and the same network. */
export const MOVES_IN_FLIGHT_MAX = 20
const LOOK_INTERVAL_MS = 500

export interface Standing {
  readonly movesDone: number
  readonly moves: number
  readonly bytesDone: number
  readonly bytes: number
}

export interface ExecutionOptions {
  readonly signal: AbortSignal
  /** Null: as fast as it goes. */
  readonly bytesPerSecond: number | null
  readonly onStanding: (standing: Standing) => void
  readonly onLeftovers: () => void
}

interface Flight extends Copy {
  readonly bytes: number
}

export class Execution {
  readonly #client: Client
  readonly #options: ExecutionOptions
  readonly #throttle: Throttle
  readonly #waiting: Move[]
  readonly #flights = new Map<string, Flight>()
  readonly #brokers: readonly number[]
  readonly #topics: readonly string[]
  readonly #errors: Error[] = []
  #movesDone = 0
  #bytesDone = 0
  readonly #moves: number
  readonly #bytes: number

  constructor(
    client: Client,
    work: { readonly snapshot: Snapshot; readonly plan: BalancePlan },
    options: ExecutionOptions,
  ) {
    const { state, running } = work.snapshot
    this.#client = client
    this.#options = options
    this.#throttle = new Throttle(client)
    this.#waiting = [...work.plan.moves]
    this.#brokers = state.brokers.map(({ id }) => id)
    this.#topics = [...new Set(state.partitions.map(({ topic }) => topic))]
    const sizes = new Map(state.partitions.map((partition) => [keyOf(partition), partition.bytes]))
    for (const row of running) this.#flights.set(keyOf(row), flightOf(row, sizes.get(keyOf(row)) ?? 0))
    // One that is under way and to go elsewhere counts once.
    for (const move of this.#waiting) this.#flights.delete(keyOf(move))
    const flights = [...this.#flights.values()]
    this.#moves = this.#waiting.length + flights.length
    this.#bytes = [...this.#waiting, ...flights].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** How many go on in the cluster. */
  get underWay(): number {
    return this.#flights.size
  }

  get standing(): Standing {
    return { movesDone: this.#movesDone, moves: this.#moves, bytesDone: this.#bytesDone, bytes: this.#bytes }
  }

  /** Whether those that go on do so under a throttle. */
  get isThrottled(): boolean {
    return this.#flights.size > 0 && this.#throttle.isOn
  }

  /**
   * Answers why some could not be done. Rejects when it is aborted, or the cluster cannot be asked: the throttle is left
   * in place then as long as something goes on, or up to MOVES_IN_FLIGHT_MAX moves would have the network to themselves.
   */
  async run(): Promise<readonly Error[]> {
    const { bytesPerSecond, onLeftovers } = this.#options
    try {
      if (await this.#throttle.clearLeftovers(this.#topics, this.#brokers)) onLeftovers()
      if (bytesPerSecond !== null && this.#bytes > 0) await this.#throttle.begin(this.#brokers, bytesPerSecond)
      await this.#throttle.cover([...this.#flights.values()])
      while (this.#waiting.length > 0 || this.#flights.size > 0) await this.#step()
    } finally {
      if (this.#flights.size === 0) await this.#throttle.end()
    }
    await this.#electPreferred()
    return this.#errors
  }

  async #step(): Promise<void> {
    const { signal, onStanding } = this.#options
    signal.throwIfAborted()
    await this.#beginMore()
    await this.#client.ports.timers.sleep(LOOK_INTERVAL_MS, { signal })
    const running = new Set((await listPartitionReassignments(this.#client, { signal })).map(keyOf))
    const ended = [...this.#flights].filter(([key]) => !running.has(key))
    for (const [key, { bytes }] of ended) {
      this.#flights.delete(key)
      this.#movesDone++
      this.#bytesDone += bytes
    }
    await this.#throttle.uncover(ended.map(([, flight]) => flight))
    onStanding({ ...this.standing, bytesDone: this.#bytesDone + (await this.#copiedBytes()) })
  }

  async #beginMore(): Promise<void> {
    const moves = this.#waiting.splice(0, Math.max(0, MOVES_IN_FLIGHT_MAX - this.#flights.size))
    if (moves.length === 0) return
    const flights = new Map(
      moves.map((move) => [keyOf(move), flightOf({ ...move, replicas: move.from, adding: addedBy(move) }, move.bytes)]),
    )
    await this.#throttle.cover([...flights.values()])
    const wanted = moves.map(({ topic, partition, to: replicas }) => ({ topic, partition, replicas }))
    // Where the answer is lost they may have begun.
    for (const [key, flight] of flights) this.#flights.set(key, flight)
    // Not given up in the middle: who stops knows then what was begun.
    for (const outcome of await alterPartitionReassignments(this.#client, wanted)) {
      if (outcome.error === null) continue
      this.#errors.push(outcome.error)
      this.#flights.delete(keyOf(outcome))
      await this.#throttle.uncover([flights.get(keyOf(outcome))!])
    }
  }

  /** Of those under way, for who watches alone: it may fail. */
  async #copiedBytes(): Promise<number> {
    const { signal } = this.#options
    const flights = [...this.#flights.values()].filter(({ adding }) => adding.length > 0)
    const nodeIds = [...new Set(flights.flatMap(({ adding }) => adding))].filter((id) => this.#brokers.includes(id))
    if (nodeIds.length === 0) return 0
    const topics = Array.from(
      Map.groupBy(flights, ({ topic }) => topic),
      ([topic, rows]) => ({ topic, partitions: rows.map(({ partition }) => partition) }),
    )
    const found = await describeLogDirs(this.#client, { signal, nodeIds, topics }).catch(() => [])
    let bytes = 0
    for (const { nodeId, replicas } of found)
      for (const replica of replicas) {
        const flight = this.#flights.get(keyOf(replica))
        if (flight?.adding.includes(nodeId) === true)
          bytes += Math.min(replica.sizeBytes, flight.bytes / flight.adding.length)
      }
    return bytes
  }

  /** Of those that can lead: one that is not in sync yet gets its place back by the cluster itself. */
  async #electPreferred(): Promise<void> {
    for (const { error } of await electLeaders(this.#client, 'preferred', { signal: this.#options.signal })) {
      const isFine = error === null || HARMLESS.has(error.error)
      if (!isFine) this.#errors.push(error)
    }
  }
}

const HARMLESS: ReadonlySet<string> = new Set(['ELECTION_NOT_NEEDED', 'PREFERRED_LEADER_NOT_AVAILABLE'])

function addedBy({ from, to }: Move): number[] {
  return to.filter((id) => !from.includes(id))
}

function flightOf(
  row: Pick<RunningReassignment, 'topic' | 'partition' | 'replicas' | 'adding'>,
  bytes: number,
): Flight {
  const { topic, partition, replicas, adding } = row
  return { topic, partition, adding, from: replicas.filter((id) => !adding.includes(id)), bytes }
}
