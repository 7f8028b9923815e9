/**
 * Where replicas go: leaders round robin, followers beside them, racks in turn. Pure: the caller gives the random start.
 *
 * Brokers are put in one circle in which racks alternate. Partition p leads at place start + p; its other replicas are
 * taken from the circle behind the leader, shifted by one more at each full turn so that the load of a lost broker
 * spreads. A rack is used a second time only when every rack was used; a fenced broker (which may come back) only when
 * no unfenced one is left, and never as the leader.
 */
import { assert } from '@ottla/base/assert.ts'

export interface PlaceableBroker {
  readonly id: number
  readonly rack: string | null
  readonly fenced: boolean
}

export interface PlacementRequest {
  /** The index of the first partition: growth goes on where creation stopped. */
  readonly firstIndex: number
  readonly count: number
  readonly replicationFactor: number
  /** Any whole number from 0: where the first leader is. */
  readonly start: number
}

/** The replicas of each partition, the leader first. The caller made sure that there are enough brokers. */
export function placeReplicas(brokers: readonly PlaceableBroker[], request: PlacementRequest): number[][] {
  const circle = alternateRacks(brokers)
  const leaders = circle.filter((broker) => !broker.fenced)
  assert(leaders.length > 0, 'Placement needs a broker that is not fenced')
  assert(request.replicationFactor <= circle.length, 'Placement needs a broker for each replica')
  const placed: number[][] = []
  for (let i = 0; i < request.count; i++) {
    const at = request.start + request.firstIndex + i
    const leader = leaders[at % leaders.length]!
    const shift = Math.floor(at / leaders.length)
    placed.push([leader.id, ...followersOf(leader, circle, { count: request.replicationFactor - 1, shift })])
  }
  return placed
}

function followersOf(
  leader: PlaceableBroker,
  circle: readonly PlaceableBroker[],
  { count, shift }: { count: number; shift: number },
): number[] {
  const behind = circle.indexOf(leader) + 1
  const others = circle.map((_, i) => circle[(behind + i) % circle.length]!).filter((broker) => broker !== leader)
  const turn = others.length === 0 ? 0 : shift % others.length
  const candidates = [...others.slice(turn), ...others.slice(0, turn)]
  const usedRacks = new Set([leader.rack])
  const chosen: PlaceableBroker[] = []
  while (chosen.length < count) {
    const left = candidates.filter((broker) => !chosen.includes(broker))
    const next =
      left.find((broker) => !broker.fenced && !usedRacks.has(broker.rack)) ??
      left.find((broker) => !broker.fenced) ??
      left.find((broker) => !usedRacks.has(broker.rack)) ??
      left[0]!
    usedRacks.add(next.rack)
    chosen.push(next)
  }
  return chosen.map((broker) => broker.id)
}

function alternateRacks(brokers: readonly PlaceableBroker[]): PlaceableBroker[] {
  const racks = Map.groupBy(
    brokers.toSorted((a, b) => a.id - b.id),
    (broker) => broker.rack ?? '',
  )
  const columns = [...racks].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, members]) => members)
  const deepest = Math.max(0, ...columns.map((column) => column.length))
  return Array.from({ length: deepest }, (_, row) => columns.flatMap((column) => column[row] ?? [])).flat()
}
