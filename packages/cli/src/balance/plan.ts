/**
 * Owns the question which replicas should move so that bytes, leaders and racks are spread evenly over a cluster's
 * brokers, moving few bytes. Pure: from what a cluster is to a list of moves. Carrying them out is execution.ts's.
 *
 * In this order, each step leaving alone what the ones before have reached: (1) nothing stays on a broker that is to be
 * drained; (2) each partition is in as many racks as it can be; (3) bytes are even; (4) leaders are even, by the order of
 * replicas, and where that is not enough by moving light ones. A replica keeps its place in that order when it moves. The number of replicas stays as it is, and so
 * do replicas on brokers that are not there now: they may come back. What is even enough is left alone, so a plan of
 * what a plan has reached is empty.
 */
import { assert } from '@ottla/base/assert.ts'
import { moveLeaders } from './leader-moves.ts'
import { evenLeaders } from './leaders.ts'
import { Placement } from './placement.ts'

export interface BalancedBroker {
  readonly id: number
  readonly rack: string | null
}

export interface BalancedPartition {
  readonly topic: string
  readonly partition: number
  /** By node id, the preferred leader first; of one that is being reassigned those that it is to have. */
  readonly replicas: readonly number[]
  /** −1: it has none. */
  readonly leader: number
  /** Of one replica. */
  readonly bytes: number
  /** Whether it is being reassigned: it stays as it will be then. */
  readonly isMoving: boolean
}

export interface ClusterState {
  /** Those that are there, by id. */
  readonly brokers: readonly BalancedBroker[]
  readonly partitions: readonly BalancedPartition[]
}

export interface Move {
  readonly topic: string
  readonly partition: number
  readonly from: readonly number[]
  readonly to: readonly number[]
  /** To be copied; 0 where only the order changes. */
  readonly bytes: number
}

export interface BrokerLoad {
  readonly broker: number
  readonly rack: string | null
  readonly bytes: number
  readonly replicas: number
  /** Before the moves those that lead, after them those that are to. */
  readonly leaders: number
}

export interface BalancePlan {
  readonly moves: readonly Move[]
  readonly before: readonly BrokerLoad[]
  readonly after: readonly BrokerLoad[]
}

const ROUNDS_MAX = 10

/** A partition has more replicas than there would be brokers. */
export class TooFewBrokersError extends Error {}

/** Throws TooFewBrokersError. */
export function planBalance(state: ClusterState, options: { readonly drain?: number } = {}): BalancePlan {
  const drained = options.drain ?? null
  const brokers = state.brokers.filter(({ id }) => id !== drained)
  const placement = new Placement(brokers, state.partitions)
  if (brokers.length > 0) {
    if (drained !== null) drain(placement, state, drained)
    placement.spreadOverRacks()
    even(placement, brokers)
  } else if (drained !== null && state.partitions.some(({ replicas }) => replicas.includes(drained))) {
    throw new TooFewBrokersError(`Cannot drain broker ${drained}: no other broker is there`)
  }
  const moves = state.partitions.flatMap((partition, index) => moveOf(partition, placement.replicasOf(index)))
  return { moves, before: loads(state, null), after: loads(state, placement) }
}

/** Until nothing is left to do: moved leaders may open a way for bytes, and for the order of others. */
function even(placement: Placement, brokers: readonly BalancedBroker[]): void {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { changes } = placement
    placement.evenBytes()
    evenLeaders(placement, brokers)
    moveLeaders(placement, brokers)
    if (placement.changes === changes) return
  }
}

/** The largest first: the small ones fill what is left uneven. */
function drain(placement: Placement, { partitions }: ClusterState, drained: number): void {
  const held = partitions.flatMap(({ replicas, bytes }, index) =>
    replicas.includes(drained) ? [{ index, bytes }] : [],
  )
  for (const { index } of held.sort((a, b) => b.bytes - a.bytes || a.index - b.index)) {
    if (placement.moveAway(index, drained)) continue
    const { topic, partition, replicas } = partitions[index]!
    throw new TooFewBrokersError(
      `Cannot drain broker ${drained}: "${topic}-${partition}" has ${replicas.length} replicas, and no other broker could hold this one: start another broker`,
    )
  }
}

function moveOf({ topic, partition, replicas, bytes }: BalancedPartition, to: readonly number[]): Move[] {
  assert(to.length === replicas.length && new Set(to).size === to.length, 'A plan keeps the number of replicas')
  if (replicas.every((id, i) => id === to[i])) return []
  const added = to.filter((id) => !replicas.includes(id)).length
  return [{ topic, partition, from: replicas, to, bytes: bytes * added }]
}

/** `placement` null: as it is. Brokers that are not there are shown as far as they hold something. */
function loads({ brokers, partitions }: ClusterState, placement: Placement | null): BrokerLoad[] {
  const rows = new Map(brokers.map(({ id, rack }) => [id, { broker: id, rack, bytes: 0, replicas: 0, leaders: 0 }]))
  const rowOf = (broker: number) => {
    const row = rows.get(broker) ?? { broker, rack: null, bytes: 0, replicas: 0, leaders: 0 }
    rows.set(broker, row)
    return row
  }
  for (const [index, { replicas, leader, bytes }] of partitions.entries()) {
    const held = placement?.replicasOf(index) ?? replicas
    for (const id of held) {
      rowOf(id).bytes += bytes
      rowOf(id).replicas++
    }
    const leads = placement === null ? leader : (placement.leaderOf(index) ?? -1)
    if (leads >= 0) rowOf(leads).leaders++
  }
  return [...rows.values()].sort((a, b) => a.broker - b.broker)
}
