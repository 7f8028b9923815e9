import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '@ottla/base/random.ts'
import fc from 'fast-check'
import { type BalancedPartition, type BalancePlan, type ClusterState, planBalance, TooFewBrokersError } from './plan.ts'

type Racks = readonly (string | null)[]

function stateOf(racks: Racks, partitions: readonly Partial<BalancedPartition>[]): ClusterState {
  return {
    brokers: racks.map((rack, i) => ({ id: i + 1, rack })),
    partitions: partitions.map((partition, i) => {
      const replicas = partition.replicas ?? [1]
      return { topic: 't', partition: i, replicas, leader: replicas[0]!, bytes: 100, isMoving: false, ...partition }
    }),
  }
}

/** The state when all moves are done and the preferred leaders lead. */
function after(state: ClusterState, { moves }: BalancePlan): ClusterState {
  const to = new Map(moves.map((move) => [`${move.topic}-${move.partition}`, move.to]))
  const partitions = state.partitions.map((partition) => {
    const replicas = to.get(`${partition.topic}-${partition.partition}`) ?? partition.replicas
    const leader = replicas.find((id) => state.brokers.some((broker) => broker.id === id)) ?? -1
    return { ...partition, replicas, leader }
  })
  return { ...state, partitions }
}

function racksOf({ brokers }: ClusterState, replicas: readonly number[]): number {
  return new Set(replicas.map((id) => brokers.find((broker) => broker.id === id)?.rack ?? `own ${id}`)).size
}

function spread(values: readonly number[]): { mean: number; most: number; least: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, most: Math.max(...values), least: Math.min(...values) }
}

/** Within a tenth, or as near as a whole one allows. */
function assertEven(values: readonly number[], grain: number): void {
  const { mean, most, least } = spread(values)
  const slack = Math.max(mean / 10, grain)
  assert.ok(most <= mean + slack && least >= mean - slack, `${values} around ${mean}`)
}

const clusters = fc
  .record({
    racks: fc.array(fc.constantFrom('a', 'b', 'c', null), { minLength: 1, maxLength: 7 }),
    partitions: fc.array(
      fc.record({
        factor: fc.integer({ min: 1, max: 4 }),
        seed: fc.nat(),
        bytes: fc.nat(1000),
        isMoving: fc.boolean(),
      }),
      { maxLength: 40 },
    ),
    /** Brokers with higher ids than those that are there are away. */
    away: fc.nat(2),
  })
  .map(({ racks, partitions, away }) => {
    const ids = Array.from({ length: racks.length + away }, (_, i) => i + 1)
    return stateOf(
      racks,
      partitions.map(({ factor, seed, bytes, isMoving }) => {
        const random = seededRandom(seed)
        const shuffled = ids.map((id) => ({ id, at: random.float() })).sort((a, b) => a.at - b.at)
        return { replicas: shuffled.slice(0, Math.min(factor, ids.length)).map(({ id }) => id), bytes, isMoving }
      }),
    )
  })

test('whatever the cluster is: as many replicas as before, each on another broker that is there, in no fewer racks', () => {
  fc.assert(
    fc.property(clusters, (state) => {
      const there = new Set(state.brokers.map(({ id }) => id))
      for (const { from, to, bytes, topic, partition } of planBalance(state).moves) {
        assert.equal(new Set(to).size, from.length)
        assert.ok(to.every((id) => there.has(id) || from.includes(id)))
        assert.ok(racksOf(state, to) >= racksOf(state, from))
        const moved = state.partitions.find((one) => one.topic === topic && one.partition === partition)!
        assert.equal(moved.isMoving, false)
        assert.equal(bytes, moved.bytes * to.filter((id) => !from.includes(id)).length)
      }
    }),
    { numRuns: 300 },
  )
})

test('a plan of what a plan has reached is empty', () => {
  fc.assert(
    fc.property(clusters, (state) => {
      assert.deepEqual(planBalance(after(state, planBalance(state))).moves, [])
    }),
    { numRuns: 300 },
  )
})

test('no broker is fuller or emptier than before, and what a plan tells of its end is what its moves come to', () => {
  fc.assert(
    fc.property(clusters, (state) => {
      const plan = planBalance(state)
      const here = (rows: BalancePlan['before']) => rows.filter(({ broker }) => broker <= state.brokers.length)
      const [was, is] = [plan.before, plan.after].map((rows) => spread(here(rows).map(({ bytes }) => bytes)))
      // Racks come first, and may cost some evenness.
      if (new Set(state.brokers.map(({ rack }) => rack)).size === 1)
        assert.ok(is!.most - is!.least <= was!.most - was!.least + 30)
      assert.deepEqual(planBalance(after(state, plan)).before, plan.after)
    }),
    { numRuns: 300 },
  )
})

test('a drained broker holds nothing, and is refused where its replicas could go nowhere', () => {
  fc.assert(
    fc.property(clusters, (state) => {
      try {
        const plan = planBalance(state, { drain: 1 })
        assert.ok(after(state, plan).partitions.every(({ replicas }) => !replicas.includes(1)))
        assert.deepEqual(planBalance(after(state, plan), { drain: 1 }).moves, [])
      } catch (error) {
        if (!(error instanceof TooFewBrokersError)) throw error
        const others = state.brokers.length - 1
        const isFull = state.partitions.some(({ replicas }) => {
          return (
            replicas.includes(1) && replicas.filter((id) => id !== 1 && id <= state.brokers.length).length >= others
          )
        })
        assert.ok(isFull)
      }
    }),
    { numRuns: 300 },
  )
})

test('a new broker gets its share of bytes and leaders, and no more is copied than that', () => {
  const partitions = Array.from({ length: 60 }, (_, i) => ({ replicas: i % 2 === 0 ? [1, 2] : [2, 1] }))
  const plan = planBalance(stateOf([null, null, null], partitions))
  for (const { bytes } of plan.after) assertEven([bytes, 4000], 100)
  assertEven(
    plan.after.map(({ leaders }) => leaders),
    1,
  )
  const copied = plan.moves.reduce((sum, { bytes }) => sum + bytes, 0)
  assert.ok(copied <= 4000 && copied >= 3600, `${copied}`)
})

test('where only leaders are uneven nothing is copied', () => {
  const state = stateOf(
    [null, null, null],
    [
      [1, 2],
      [1, 3],
      [1, 2],
      [2, 3],
      [1, 3],
      [2, 3],
    ].map((replicas) => ({ replicas })),
  )
  const plan = planBalance(state)
  assert.deepEqual(
    plan.after.map(({ leaders, bytes }) => [leaders, bytes]),
    [
      [2, 400],
      [2, 400],
      [2, 400],
    ],
  )
  assert.deepEqual(
    plan.moves.map(({ bytes }) => bytes),
    [0, 0],
  )
})

test('replicas that share a rack while another one has none get there', () => {
  const state = stateOf(['a', 'a', 'b', 'b'], [{ replicas: [1, 2] }, { replicas: [3, 4] }])
  for (const { to } of planBalance(state).moves) assert.equal(racksOf(state, to), 2)
  assert.equal(planBalance(state).moves.length, 2)
})

test('what is empty is spread as well, and the partitions of one topic over all brokers', () => {
  const partitions = ['a', 'b'].flatMap((topic) =>
    Array.from({ length: 12 }, (_, partition) => ({ topic, partition, replicas: [1], bytes: 0 })),
  )
  const state = stateOf([null, null, null], partitions)
  const reached = after(state, planBalance(state))
  for (const id of [1, 2, 3])
    for (const topic of ['a', 'b']) {
      const count = reached.partitions.filter((one) => one.topic === topic && one.replicas[0] === id).length
      assert.ok(count >= 3 && count <= 5, `${topic} on ${id}: ${count}`)
    }
})

test('a replica on a broker that is away stays there, and a broker that is away can be drained', () => {
  const state = stateOf([null, null], [{ replicas: [9, 1] }, { replicas: [2, 1] }])
  assert.ok(planBalance(state).moves.every(({ to, from }) => to.includes(9) === from.includes(9)))
  const drained = after(state, planBalance(state, { drain: 9 }))
  assert.deepEqual(
    drained.partitions.map(({ replicas }) => replicas.toSorted()),
    [
      [1, 2],
      [1, 2],
    ],
  )
})

/** Three replicas each on 18 brokers in four racks, sizes from nothing to a hundred times the mean; two are new. */
function large(): ClusterState {
  const random = seededRandom('large')
  const racks = Array.from({ length: 20 }, (_, i) => 'abcd'[i % 4]!)
  const partitions = Array.from({ length: 10_000 }, (_, i) => {
    const first = random.below(18)
    const replicas = [first, (first + 1) % 18, (first + 2) % 18].map((at) => at + 1)
    return { topic: `t${i % 100}`, partition: i, replicas, bytes: Math.floor(1e9 * random.float() ** 4) }
  })
  return stateOf(racks, partitions)
}

test('20 brokers with 10,000 partitions are planned even, growing and shrinking', () => {
  const state = large()
  const plan = planBalance(state)
  for (const { plan: one, count } of [
    { plan, count: 20 },
    { plan: planBalance(after(state, plan), { drain: 7 }), count: 19 },
  ]) {
    const rows = one.after.filter(({ replicas }) => replicas > 0)
    assert.equal(rows.length, count)
    assertEven(
      rows.map(({ bytes }) => bytes),
      0,
    )
    assertEven(
      rows.map(({ leaders }) => leaders),
      0,
    )
  }
})
