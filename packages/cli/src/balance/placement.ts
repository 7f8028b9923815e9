/**
 * Where each replica shall be, while a plan is made: who holds what and how much that is. Owns the steps that move
 * replicas; plan.ts says in which order. Deterministic: equal clusters get equal plans.
 *
 * Bytes alone would leave empty partitions wherever they are: each counts a little more than its bytes, so that a new
 * broker gets its share of them too.
 */
import type { BalancedBroker, BalancedPartition } from './plan.ts'

/** Brokers are even when none is further than this from the mean: half of what is promised, as load goes on meanwhile. */
export const TOLERANCE = 0.05
/** What a partition counts besides its bytes, as a part of the mean partition. */
const EMPTY_WEIGHT = 0.01
/** Of replicas that would do as well by their size, so many are looked at for the one whose topic is spread best. */
const ALIKE_MAX = 16
const ALIKE_SHARE = 0.9

interface Placed {
  readonly topic: string
  readonly weight: number
  readonly isFixed: boolean
  readonly replicas: number[]
}

interface Holder {
  readonly id: number
  /** Of a broker without one its own: then nothing is known to fail together. */
  readonly rack: string
  weight: number
  /** Rises with every change. */
  version: number
  /** Indexes of partitions, the heaviest first. */
  readonly held: number[]
  readonly topics: Map<string, number>
}

export class Placement {
  readonly #holders: ReadonlyMap<number, Holder>
  readonly #partitions: readonly Placed[]
  /** Of pairs of brokers that found nothing to give, what they held then: it is not looked for again. */
  readonly #inVain = new Map<string, string>()
  #changes = 0

  constructor(brokers: readonly BalancedBroker[], partitions: readonly BalancedPartition[]) {
    const totalBytes = partitions.reduce((sum, { bytes }) => sum + bytes, 0)
    // Whole, so that sums do not depend on the order of what is added and taken away.
    const extra = Math.max(1, Math.round((EMPTY_WEIGHT * totalBytes) / Math.max(1, partitions.length)))
    this.#partitions = partitions.map(({ topic, bytes, isMoving, replicas }) => {
      return { topic, weight: bytes + extra, isFixed: isMoving, replicas: [...replicas] }
    })
    this.#holders = new Map(brokers.map((broker) => [broker.id, holderOf(broker)]))
    for (const index of [...this.#partitions.keys()].sort((a, b) => this.#order(a, b))) {
      for (const id of this.#partitions[index]!.replicas) this.#hold(this.#holders.get(id), index, 'heaviest first')
    }
  }

  replicasOf(index: number): readonly number[] {
    return this.#partitions[index]!.replicas
  }

  /** The preferred leader among the brokers that are there. */
  leaderOf(index: number): number | undefined {
    return this.replicasOf(index).find((id) => this.#holders.has(id))
  }

  /** Rises with every step. */
  get changes(): number {
    return this.#changes
  }

  /** Indexes, the heaviest first. */
  heldBy(id: number): readonly number[] {
    return this.#holders.get(id)!.held
  }

  weightHeldBy(id: number): number {
    return this.#holders.get(id)!.weight
  }

  /** Rises with every replica that it gets or gives. */
  versionOf(id: number): number {
    return this.#holders.get(id)!.version
  }

  weightOf(index: number): number {
    return this.#partitions[index]!.weight
  }

  get count(): number {
    return this.#partitions.length
  }

  isFixed(index: number): boolean {
    return this.#partitions[index]!.isFixed
  }

  /** In no fewer racks than before. */
  mayMove(index: number, from: number, to: number): boolean {
    return this.#mayMove(index, this.#holders.get(from)!, this.#holders.get(to)!)
  }

  /** The place in the order stays. */
  move(index: number, from: number, to: number): void {
    this.#move(index, from, this.#holders.get(to)!)
  }

  /** `id` becomes the preferred leader; the one before takes its place. */
  prefer(index: number, id: number): void {
    const { replicas } = this.#partitions[index]!
    const [first, at] = [replicas.indexOf(this.leaderOf(index)!), replicas.indexOf(id)]
    ;[replicas[first], replicas[at]] = [replicas[at]!, replicas[first]!]
    this.#changes++
  }

  /** To where it is in the most racks, and of these the least loaded broker. False: nobody could take it. */
  moveAway(index: number, from: number): boolean {
    let best: { holder: Holder; racks: number } | null = null
    for (const holder of this.#holders.values()) {
      if (holder.id === from || this.replicasOf(index).includes(holder.id)) continue
      const racks = this.#racksWith(index, from, holder)
      const isBetter =
        best === null || racks > best.racks || (racks === best.racks && holder.weight < best.holder.weight)
      if (isBetter) best = { holder, racks }
    }
    if (best !== null) this.#move(index, from, best.holder)
    return best !== null
  }

  /** Partitions with two replicas in one rack, while another rack has none, get one there. */
  spreadOverRacks(): void {
    for (const [index, { replicas, isFixed }] of this.#partitions.entries()) {
      if (isFixed) continue
      for (let steps = replicas.length; steps > 0; steps--) if (!this.#spreadOne(index)) break
    }
  }

  /** Moves from who has more than the mean to who has less until all are even, or no move brings them nearer. */
  evenBytes(): void {
    // Each move lowers the sum of the squared loads; the bound is for weights whose sums round.
    for (let steps = this.#partitions.length * 4; steps > 0; steps--) if (!this.#evenOne()) return
  }

  /** From above the mean to below it first; where racks forbid that, from whoever has more to whoever has less. */
  #evenOne(): boolean {
    const mean = this.meanWeight
    return this.#evenPair(mean, mean) || this.#evenPair(mean, null)
  }

  #evenPair(mean: number, between: number | null): boolean {
    const low = mean * (1 - TOLERANCE)
    const high = mean * (1 + TOLERANCE)
    const byLoad = [...this.#holders.values()].sort((a, b) => b.weight - a.weight || a.id - b.id)
    for (const giver of byLoad) {
      for (const taker of byLoad.toReversed()) {
        if (giver.weight <= taker.weight || (giver.weight <= high && taker.weight >= low)) break
        const middle = between ?? (giver.weight + taker.weight) / 2
        if (giver.weight <= middle || taker.weight >= middle) break
        if (between === null && giver.weight - taker.weight <= high - low) break
        if (this.#giveOne(giver, taker, middle)) return true
      }
    }
    return false
  }

  get meanWeight(): number {
    let weight = 0
    for (const holder of this.#holders.values()) weight += holder.weight
    return weight / Math.max(1, this.#holders.size)
  }

  /** The heaviest that fits into what the one has too much and the other too little; else the lightest that helps. */
  #giveOne(giver: Holder, taker: Holder, mean: number): boolean {
    const tried = `${giver.id}>${taker.id}@${mean}`
    const versions = `${giver.version} ${taker.version}`
    if (this.#inVain.get(tried) === versions) return false
    const fits = Math.min(giver.weight - mean, mean - taker.weight)
    const helps = giver.weight - taker.weight
    let lightest: number | null = null
    for (let at = 0; at < giver.held.length; at++) {
      const index = giver.held[at]!
      const { weight } = this.#partitions[index]!
      if (weight >= helps || !this.#mayMove(index, giver, taker)) continue
      if (weight > fits) lightest = index
      else {
        this.#move(this.#bestAlike(at, giver, taker), giver.id, taker)
        return true
      }
    }
    // It must help enough to be worth it: who overshoots would only change places.
    if (lightest === null || this.#partitions[lightest]!.weight > helps * (1 - TOLERANCE)) {
      this.#inVain.set(tried, versions)
      return false
    }
    this.#move(lightest, giver.id, taker)
    return true
  }

  /** Of those about as heavy as the one at `at`: one whose topic the giver has most, and the taker least, replicas of. */
  #bestAlike(at: number, giver: Holder, taker: Holder): number {
    const first = giver.held[at]!
    const weightMin = this.#partitions[first]!.weight * ALIKE_SHARE
    let best = { index: first, surplus: Number.NEGATIVE_INFINITY }
    for (const index of giver.held.slice(at, at + ALIKE_MAX)) {
      const { topic, weight } = this.#partitions[index]!
      if (weight < weightMin) break
      const surplus = (giver.topics.get(topic) ?? 0) - (taker.topics.get(topic) ?? 0)
      if (surplus > best.surplus && this.#mayMove(index, giver, taker)) best = { index, surplus }
    }
    return best.index
  }

  #mayMove(index: number, from: Holder, to: Holder): boolean {
    const { replicas, isFixed } = this.#partitions[index]!
    if (isFixed || replicas.includes(to.id)) return false
    let [isLeft, isNew] = [from.rack !== to.rack, true]
    for (const id of replicas) {
      if (id === from.id) continue
      const rack = this.#rackOf(id)
      if (rack === from.rack) isLeft = false
      if (rack === to.rack) isNew = false
    }
    return !isLeft || isNew
  }

  #spreadOne(index: number): boolean {
    const { replicas } = this.#partitions[index]!
    const taken = replicas.map((id) => this.#rackOf(id))
    // The last of them moves: the first is the preferred leader.
    const doubled = replicas.findLast((id, i) => this.#holders.has(id) && taken.indexOf(taken[i]!) !== i)
    const isFree = Array.from(this.#holders.values()).some(({ rack }) => !taken.includes(rack))
    return doubled !== undefined && isFree && this.moveAway(index, doubled)
  }

  /** In how many racks the partition is when `to` takes the place of `from`. */
  #racksWith(index: number, from: number, to: Holder): number {
    return this.#racks(this.replicasOf(index).map((id) => (id === from ? to.id : id)))
  }

  #racks(replicas: readonly number[]): number {
    return new Set(replicas.map((id) => this.#rackOf(id))).size
  }

  #rackOf(id: number): string {
    return this.#holders.get(id)?.rack ?? ownRack(id)
  }

  #move(index: number, from: number, to: Holder): void {
    const { replicas, topic, weight } = this.#partitions[index]!
    replicas[replicas.indexOf(from)] = to.id
    this.#changes++
    const holder = this.#holders.get(from)
    if (holder !== undefined) {
      holder.held.splice(this.#placeIn(holder, index), 1)
      holder.weight -= weight
      holder.version++
      holder.topics.set(topic, holder.topics.get(topic)! - 1)
    }
    this.#hold(to, index, 'anywhere')
  }

  #hold(holder: Holder | undefined, index: number, place: 'heaviest first' | 'anywhere'): void {
    if (holder === undefined) return
    const { topic, weight } = this.#partitions[index]!
    if (place === 'anywhere') holder.held.splice(this.#placeIn(holder, index), 0, index)
    else holder.held.push(index)
    holder.weight += weight
    holder.version++
    holder.topics.set(topic, (holder.topics.get(topic) ?? 0) + 1)
  }

  /** Where it is, or belongs. */
  #placeIn({ held }: Holder, index: number): number {
    let [low, high] = [0, held.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#order(held[middle]!, index) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #order(a: number, b: number): number {
    return this.#partitions[b]!.weight - this.#partitions[a]!.weight || a - b
  }
}

function holderOf({ id, rack }: BalancedBroker): Holder {
  return { id, rack: rack ?? ownRack(id), weight: 0, version: 0, held: [], topics: new Map() }
}

function ownRack(id: number): string {
  return `\0${id}`
}
