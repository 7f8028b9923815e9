/** Bytes and leaders after a plan, when a cluster grows; sizes are mixed as they are in clusters that are in use. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import fc from 'fast-check'
import { type BalancedPartition, type BrokerLoad, type ClusterState, planBalance } from './plan.ts'

const RUNS = 200
/** One replica each leaves nothing but moves, and the largest must be small beside what a broker holds. */
const PARTITIONS_PER_BROKER = { one: 96, several: 48 }

type Sizes = (random: Random, index: number) => number

const SIZES: Readonly<Record<string, Sizes>> = {
  alike: () => 1000,
  'two topics, one of them empty': (_, i) => (i % 2 === 0 ? 1000 : 0),
  'many small, few large': (random) => (random.below(4) === 0 ? 5000 + random.below(1000) : random.below(100)),
  'from nothing to ten thousand': (random) => Math.floor(10_000 * random.float() ** 3),
  'by powers': (random) => 10 ** random.below(5),
}

interface Growth {
  readonly from: number
  readonly to: number
  readonly factor: number
  readonly sizes: string
  readonly seed: number
  readonly racks: number
}

const growths: fc.Arbitrary<Growth> = fc
  .record({
    from: fc.integer({ min: 1, max: 6 }),
    more: fc.integer({ min: 1, max: 6 }),
    factor: fc.integer({ min: 1, max: 3 }),
    sizes: fc.constantFrom(...Object.keys(SIZES)),
    seed: fc.nat(),
    racks: fc.constantFrom(1, 2, 3),
  })
  .map(({ more, factor, from, racks, sizes, seed }) => {
    const to = from + more
    // Racks of as many brokers each: elsewhere a replica in each rack leaves nothing to be even.
    return { from, to, factor: Math.min(factor, from), sizes, seed, racks: to % racks === 0 ? racks : 1 }
  })

function grown({ from, to, factor, sizes, seed, racks }: Growth): ClusterState {
  const perBroker = factor === 1 ? PARTITIONS_PER_BROKER.one : PARTITIONS_PER_BROKER.several
  const random = seededRandom(`growth ${seed}`)
  const partitions = Array.from({ length: to * perBroker }, (_, partition): BalancedPartition => {
    const first = random.below(from)
    const replicas = Array.from({ length: factor }, (_, i) => ((first + i) % from) + 1)
    const bytes = SIZES[sizes]!(random, partition)
    return { topic: `t${partition % 3}`, partition, replicas, leader: replicas[0]!, bytes, isMoving: false }
  })
  const brokers = Array.from({ length: to }, (_, i) => ({ id: i + 1, rack: racks > 1 ? `r${i % racks}` : null }))
  return { brokers, partitions }
}

function furthest(values: readonly number[]): { mean: number; distance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, distance: Math.max(...values.map((value) => Math.abs(value - mean))) }
}

function assertEven(what: keyof Pick<BrokerLoad, 'bytes' | 'leaders'>, loads: readonly BrokerLoad[], grain: number) {
  const { mean, distance } = furthest(loads.map((load) => load[what]))
  const shown = loads.map((load) => `${load.broker}: ${load[what]}`).join(', ')
  assert.ok(distance <= Math.max(mean / 10, grain), `${what} ${shown}; mean ${mean}`)
}

function carriedOut(state: ClusterState, plan: ReturnType<typeof planBalance>): ClusterState {
  const to = new Map(plan.moves.map((move) => [move.partition, move.to]))
  const partitions = state.partitions.map((partition) => {
    const replicas = to.get(partition.partition) ?? partition.replicas
    return { ...partition, replicas, leader: replicas[0]! }
  })
  return { ...state, partitions }
}

test('bytes and leaders are both even when a cluster has grown, at no great cost, and stay as they are', () => {
  fc.assert(
    fc.property(growths, (growth) => {
      const state = grown(growth)
      const plan = planBalance(state)
      assertEven('bytes', plan.after, Math.max(...state.partitions.map(({ bytes }) => bytes)))
      assertEven('leaders', plan.after, 1)
      assert.deepEqual(planBalance(carriedOut(state, plan)).moves, [])
      const sum = (values: readonly { readonly bytes: number }[]) => values.reduce((all, { bytes }) => all + bytes, 0)
      const added = sum(plan.after.filter(({ broker }) => broker > growth.from))
      // Beyond what the new ones get: what makes the old ones even, and what is exchanged for leaders.
      assert.ok(sum(plan.moves) <= added + sum(plan.after) / 2, `${sum(plan.moves)} copied for ${added}`)
    }),
    { numRuns: RUNS },
  )
})

test('new brokers that have their share of bytes with few large replicas get light ones to lead as well', () => {
  const partitions = ['filled', 'light', 'lighter'].flatMap((topic, at) =>
    Array.from({ length: 24 }, (_, partition): BalancedPartition => {
      const replicas = partition % 2 === 0 ? [1, 2] : [2, 1]
      const bytes = [5_000_000, 20_000, 5000][at]!
      return { topic, partition: at * 24 + partition, replicas, leader: replicas[0]!, bytes, isMoving: false }
    }),
  )
  const { after } = planBalance({ brokers: [1, 2, 3, 4].map((id) => ({ id, rack: null })), partitions })
  assertEven('bytes', after, 0)
  assertEven('leaders', after, 0)
})
