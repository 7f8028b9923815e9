/**
 * Evens out how many partitions each broker is the preferred leader of, by the order of their replicas alone. Pure.
 *
 * From a broker that leads too many the leadership of one partition goes to another of its replicas, and where that one
 * has enough itself it passes one on in turn, along the shortest such chain to a broker that leads too few.
 */
import { type Placement, TOLERANCE } from './placement.ts'
import type { BalancedBroker } from './plan.ts'

export function evenLeaders(placement: Placement, brokers: readonly BalancedBroker[]): void {
  const leading = new Leading(placement, brokers)
  // Each chain takes one from who has too many, or gives one to who has too few.
  for (let steps = placement.count; steps > 0; steps--) if (!leading.passOne()) return
}

/** How many each of them may lead to be even, at least by whole ones. */
export function boundsOfLeaders(counts: readonly number[]): { readonly least: number; readonly most: number } {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return {
    least: Math.min(Math.floor(mean), Math.ceil(mean * (1 - TOLERANCE))),
    most: Math.max(Math.ceil(mean), Math.floor(mean * (1 + TOLERANCE))),
  }
}

class Leading {
  readonly #placement: Placement
  /** By broker, then by other replica: the partitions that the first leads and the second could. */
  readonly #passable = new Map<number, Map<number, Set<number>>>()
  readonly #counts = new Map<number, number>()
  readonly #most: number
  readonly #least: number

  constructor(placement: Placement, brokers: readonly BalancedBroker[]) {
    this.#placement = placement
    for (const { id } of brokers) {
      this.#counts.set(id, 0)
      this.#passable.set(id, new Map())
    }
    for (let index = 0; index < placement.count; index++) {
      const leader = placement.leaderOf(index)
      if (leader === undefined) continue
      this.#count(leader, 1)
      if (!placement.isFixed(index)) this.#note(index, leader, 'add')
    }
    const bounds = boundsOfLeaders([...this.#counts.values()])
    this.#most = bounds.most
    this.#least = bounds.least
  }

  /** False: all are even, or nothing can be passed on. */
  passOne(): boolean {
    const byCount = [...this.#counts].sort(([a, m], [b, n]) => n - m || a - b).map(([id]) => id)
    const lowest = byCount.toReversed()
    const tooMany = byCount.filter((id) => this.#counts.get(id)! > this.#most)
    const tooFew = lowest.filter((id) => this.#counts.get(id)! < this.#least)
    for (const from of tooMany) if (this.#passAlong(from, (id) => this.#counts.get(id)! < this.#most)) return true
    const spare = byCount.filter((id) => this.#counts.get(id)! > this.#least)
    for (const to of tooFew) for (const from of spare) if (this.#passAlong(from, (id) => id === to)) return true
    return false
  }

  /** Breadth first, so that as few partitions as possible change. */
  #passAlong(from: number, isEnd: (id: number) => boolean): boolean {
    const reached = new Map<number, number>([[from, from]])
    const queue = [from]
    for (const id of queue) {
      const next = [...this.#passable.get(id)!].filter(([to, indexes]) => indexes.size > 0 && !reached.has(to))
      // Of equals the one that leads fewest.
      for (const [to] of next.sort(([a], [b]) => this.#counts.get(a)! - this.#counts.get(b)! || a - b)) {
        reached.set(to, id)
        queue.push(to)
        if (!isEnd(to)) continue
        this.#passBack(to, reached)
        return true
      }
    }
    return false
  }

  #passBack(end: number, reached: ReadonlyMap<number, number>): void {
    for (let to = end; reached.get(to) !== to; to = reached.get(to)!) {
      const from = reached.get(to)!
      const [index] = this.#passable.get(from)!.get(to)!
      this.#note(index!, from, 'delete')
      this.#placement.prefer(index!, to)
      this.#note(index!, to, 'add')
      this.#count(from, -1)
      this.#count(to, 1)
    }
  }

  #note(index: number, leader: number, change: 'add' | 'delete'): void {
    const row = this.#passable.get(leader)!
    for (const id of this.#placement.replicasOf(index)) {
      if (id === leader || !this.#counts.has(id)) continue
      if (!row.has(id)) row.set(id, new Set())
      row.get(id)![change](index)
    }
  }

  #count(id: number, change: number): void {
    this.#counts.set(id, this.#counts.get(id)! + change)
  }
}
