/**
 * Evens out leaders where the order of replicas alone does not: a new broker that has its share of the bytes with a few
 * large partitions holds too few to lead its share of them. Pure.
 *
 * From a broker that leads too many the lightest of those that it leads go to one that leads too few, as long as the
 * bytes of both stay even. Where they would not, the taker gives one replica in exchange, as heavy as what it gets: one
 * that it does not lead, or one that it leads for several. Lighter ones are tried first, as less is copied then.
 */
import { boundsOfLeaders } from './leaders.ts'
import { type Placement, TOLERANCE } from './placement.ts'
import type { BalancedBroker } from './plan.ts'

/** Of what a taker could give in exchange, and of what it could get at one time. */
const EXCHANGES_MAX = 256
const GOT_MAX = 512

export function moveLeaders(placement: Placement, brokers: readonly BalancedBroker[]): void {
  const moves = new LeaderMoves(placement, brokers)
  // Each takes one from who has too many, or gives one to who has too few.
  for (let steps = placement.count; steps > 0; steps--) if (!moves.moveSome()) return
}

interface Pair {
  readonly from: number
  readonly to: number
  /** How many more `to` may lead then, and `from` fewer. */
  readonly gainMax: number
}

/** What the taker gets may weigh, so that both stay even, or no less even than they are. */
interface Range {
  readonly least: number
  readonly most: number
}

class LeaderMoves {
  readonly #placement: Placement
  readonly #counts = new Map<number, number>()
  readonly #most: number
  readonly #least: number
  readonly #meanWeight: number
  /** Of pairs that found nothing, what they held then: it is not looked for again. */
  readonly #inVain = new Map<string, string>()

  constructor(placement: Placement, brokers: readonly BalancedBroker[]) {
    this.#placement = placement
    for (const { id } of brokers) this.#counts.set(id, 0)
    for (let index = 0; index < placement.count; index++) this.#count(placement.leaderOf(index), 1)
    const bounds = boundsOfLeaders([...this.#counts.values()])
    this.#most = bounds.most
    this.#least = bounds.least
    this.#meanWeight = placement.meanWeight
  }

  /** False: all are even, or nothing can be moved. */
  moveSome(): boolean {
    for (const pair of this.#pairs()) {
      const key = `${pair.from}>${pair.to}`
      const versions = `${this.#placement.versionOf(pair.from)} ${this.#placement.versionOf(pair.to)}`
      if (this.#inVain.get(key) === versions) continue
      if (this.#moveBetween(pair)) return true
      this.#inVain.set(key, versions)
    }
    return false
  }

  /** Who leads most gives to who leads fewest first; one of the two is beyond what is even. */
  *#pairs(): Generator<Pair> {
    const byCount = [...this.#counts].sort(([a, m], [b, n]) => n - m || a - b)
    for (const [from, many] of byCount) {
      for (const [to, few] of byCount.toReversed()) {
        if (from === to || (many <= this.#most && few >= this.#least)) break
        const gainMax = this.#gainMax(many, few)
        if (gainMax > 0 || few < this.#least) yield { from, to, gainMax }
      }
    }
  }

  /** The most that leave the two nearer to what is even than they are: one may pass it if the other gets nearer by more. */
  #gainMax(many: number, few: number): number {
    const beyond = (count: number) => Math.max(0, count - this.#most, this.#least - count)
    const isNearer = (gain: number) => beyond(many - gain) + beyond(few + gain) < beyond(many) + beyond(few)
    let gain = many - few - 1
    while (gain > 0 && !isNearer(gain)) gain--
    return gain
  }

  #moveBetween(pair: Pair): boolean {
    const { from, to } = pair
    const movable = this.#movable(from, to)
    const led = movable.filter((index) => this.#placement.leaderOf(index) === from)
    if (pair.gainMax > 0 && this.#exchange(led, pair)) return true
    const [missing, spare] = [this.#least - this.#counts.get(to)!, this.#most - this.#counts.get(from)!]
    // What others lead, and can do without, serves as well.
    return missing > 0 && spare > 0 && this.#exchange(this.#ledByOthers(movable, from), { from, to, gainMax: missing })
  }

  /** Of the leaders no more than each has beyond what is even. */
  #ledByOthers(movable: readonly number[], from: number): number[] {
    const taken = new Map<number, number>()
    return movable.filter((index) => {
      const leader = this.#placement.leaderOf(index)!
      const count = taken.get(leader) ?? 0
      if (leader === from || this.#counts.get(leader)! - count <= this.#least) return false
      taken.set(leader, count + 1)
      return true
    })
  }

  /** `led` are those that `to` could get and lead, the lightest first. */
  #exchange(led: readonly number[], pair: Pair): boolean {
    const { from, to, gainMax } = pair
    if (led.length === 0) return false
    const range = this.#rangeOf(pair)
    const alone = this.#fitting(led, range, { countMin: 1, countMax: 1 })
    if (alone.length > 0) {
      this.#move(alone, pair)
      return true
    }
    for (const given of this.#movable(to, from).slice(0, EXCHANGES_MAX)) {
      const weight = this.#placement.weightOf(given)
      const isLed = this.#placement.leaderOf(given) === to
      const lost = isLed ? 1 : 0
      const counts = { countMin: 1 + lost, countMax: Math.min(GOT_MAX, gainMax + lost) }
      const got = this.#fitting(led, { least: range.least + weight, most: range.most + weight }, counts)
      if (got.length === 0) continue
      this.#move(got, pair)
      this.#placeOne(given, { from: to, to: from }, isLed)
      return true
    }
    return false
  }

  /** The lightest first. */
  #movable(from: number, to: number): number[] {
    return this.#placement
      .heldBy(from)
      .filter((index) => this.#placement.mayMove(index, from, to))
      .reverse()
  }

  #rangeOf({ from, to }: Pair): Range {
    const [giver, taker] = [this.#placement.weightHeldBy(from), this.#placement.weightHeldBy(to)]
    const slack = this.#meanWeight * TOLERANCE
    // Where racks hold both above or below the mean, even is what they are together.
    const isApart =
      Math.min(giver, taker) > this.#meanWeight + slack || Math.max(giver, taker) < this.#meanWeight - slack
    const middle = isApart ? (giver + taker) / 2 : this.#meanWeight
    const [low, high] = [middle - slack, middle + slack]
    // Who is beyond what is even already does not get further from it.
    return {
      least: Math.max(Math.min(low, taker) - taker, giver - Math.max(high, giver)),
      most: Math.min(Math.max(high, taker) - taker, giver - Math.min(low, giver)),
    }
  }

  /** As few as possible that come into the range together: neighbours by weight, the last maybe a heavier one. */
  #fitting(led: readonly number[], range: Range, counts: { countMin: number; countMax: number }): number[] {
    const sums = [0]
    for (const index of led) sums.push(sums.at(-1)! + this.#placement.weightOf(index))
    for (let count = counts.countMin; count <= Math.min(counts.countMax, led.length); count++) {
      if (sums[count]! > range.most) break
      const sumAt = (start: number) => sums[start + count]! - sums[start]!
      const starts = led.length - count + 1
      const start = firstIn({ from: 0, to: starts }, (at) => sumAt(at) >= range.least)
      if (start < starts && sumAt(start) <= range.most) return led.slice(start, start + count)
      const before = led.slice(start - 1, start - 1 + count - 1)
      const rest = start === 0 ? null : sums[start + count - 2]! - sums[start - 1]!
      if (rest === null) continue
      const weightAt = (at: number) => this.#placement.weightOf(led[at]!)
      const last = firstIn({ from: start + count - 2, to: led.length }, (at) => rest + weightAt(at) >= range.least)
      if (last < led.length && rest + weightAt(last) <= range.most) return [...before, led[last]!]
    }
    return []
  }

  #move(indexes: readonly number[], way: Pick<Pair, 'from' | 'to'>): void {
    for (const index of indexes) this.#placeOne(index, way, true)
  }

  #placeOne(index: number, { from, to }: Pick<Pair, 'from' | 'to'>, leads: boolean): void {
    this.#count(this.#placement.leaderOf(index), -1)
    this.#placement.move(index, from, to)
    if (leads && this.#placement.leaderOf(index) !== to) this.#placement.prefer(index, to)
    this.#count(this.#placement.leaderOf(index), 1)
  }

  #count(id: number | undefined, change: number): void {
    if (id !== undefined) this.#counts.set(id, this.#counts.get(id)! + change)
  }
}

/** The first that it holds for, where it holds for all that follow; `to` where it holds for none. */
function firstIn({ from, to }: { readonly from: number; readonly to: number }, holds: (at: number) => boolean): number {
  let [low, high] = [from, to]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
