import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AssignorInput, SubscribedMember } from './assignor.ts'
import { assignorNamed } from './assignors.ts'
import { areSame, countOf, fromList, NO_PARTITIONS, type TopicPartitions, toList } from './topic-partitions.ts'

const uniform = assignorNamed('uniform')!
const range = assignorNamed('range')!

interface Case {
  readonly counts: Readonly<Record<string, number>>
  readonly members: ReadonlyMap<string, SubscribedMember>
}

function inputOf({ counts, members }: Case): AssignorInput {
  return { members, partitionCount: (topicId) => counts[topicId]! }
}

function member(
  topicIds: readonly string[],
  assigned: TopicPartitions = NO_PARTITIONS,
  instanceId: string | null = null,
) {
  return { topicIds, assigned, instanceId }
}

const counts = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 12 }), {
  minKeys: 1,
  noNullPrototype: true,
})

/** Members with arbitrary subscriptions, and an earlier assignment that need not make sense. */
const anyCase: fc.Arbitrary<Case> = counts.chain((topics) => {
  const names = Object.keys(topics)
  const assigned = fc.array(
    fc.record({ topicId: fc.constantFrom('a', 'b', 'c', 'd'), partitions: fc.array(fc.nat(14)) }),
  )
  const one = fc.record({
    topicIds: fc.subarray(names),
    assigned: assigned.map(fromList),
    instanceId: fc.constant(null),
  })
  return fc.array(one, { minLength: 1, maxLength: 8 }).map((all) => ({
    counts: topics,
    members: new Map(all.map((each, at) => [`m${at}`, each])),
  }))
})

function checkComplete({ counts, members }: Case, result: ReadonlyMap<string, TopicPartitions>): void {
  assert.deepEqual([...result.keys()].sort(), [...members.keys()].sort())
  const seen = new Set<string>()
  for (const [memberId, assigned] of result) {
    for (const { topicId, partitions } of toList(assigned)) {
      assert.ok(members.get(memberId)!.topicIds.includes(topicId), 'Only topics that it subscribes to')
      assert.ok(partitions.length > 0)
      for (const partition of partitions) {
        assert.ok(partition < counts[topicId]!)
        assert.ok(!seen.has(`${topicId}-${partition}`), 'To one member')
        seen.add(`${topicId}-${partition}`)
      }
    }
  }
  const subscribed = new Set([...members.values()].flatMap(({ topicIds }) => topicIds))
  assert.equal(
    seen.size,
    [...subscribed].reduce((sum, id) => sum + counts[id]!, 0),
  )
}

for (const [name, assign] of [
  ['uniform', uniform],
  ['range', range],
] as const) {
  test(`${name} gives each partition to exactly one subscriber, whatever was assigned before`, () => {
    fc.assert(fc.property(anyCase, (each) => checkComplete(each, assign(inputOf(each)))))
  })

  test(`${name} changes nothing of its own result`, () => {
    fc.assert(
      fc.property(anyCase, (each) => {
        const first = assign(inputOf(each))
        const members = new Map(Array.from(each.members, ([id, one]) => [id, { ...one, assigned: first.get(id)! }]))
        const second = assign(inputOf({ ...each, members }))
        for (const [id, assigned] of second) assert.equal(assigned, first.get(id))
      }),
    )
  })
}

/** All subscribe to all. */
const homogeneous = fc.record({ counts, memberCount: fc.integer({ min: 2, max: 10 }) })

function sameFor(counts: Readonly<Record<string, number>>, assigned: ReadonlyMap<string, TopicPartitions>): Case {
  const topicIds = Object.keys(counts)
  return { counts, members: new Map(Array.from(assigned, ([id, one]) => [id, member(topicIds, one)])) }
}

function movesBetween(
  before: ReadonlyMap<string, TopicPartitions>,
  after: ReadonlyMap<string, TopicPartitions>,
): number {
  let lost = 0
  for (const [id, had] of before) {
    const has = after.get(id)
    if (has === undefined) continue
    for (const [topicId, partitions] of had) lost += partitions.difference(has.get(topicId) ?? new Set()).size
  }
  return lost
}

test('uniform differs by one partition at most where all subscribe to the same topics', () => {
  fc.assert(
    fc.property(homogeneous, ({ counts, memberCount }) => {
      const none = new Map(Array.from({ length: memberCount }, (_, at) => [`m${at}`, NO_PARTITIONS]))
      const sizes = [...uniform(inputOf(sameFor(counts, none))).values()].map(countOf)
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1)
    }),
  )
})

test('uniform moves nothing between those who stay when a member leaves', () => {
  fc.assert(
    fc.property(homogeneous, fc.nat(), ({ counts, memberCount }, who) => {
      const none = new Map(Array.from({ length: memberCount }, (_, at) => [`m${at}`, NO_PARTITIONS]))
      const before = uniform(inputOf(sameFor(counts, none)))
      const left = new Map([...before].filter((_, at) => at !== who % memberCount))
      assert.equal(movesBetween(left, uniform(inputOf(sameFor(counts, left)))), 0)
    }),
  )
})

test('uniform moves to a member that joins its share and nothing else', () => {
  fc.assert(
    fc.property(homogeneous, ({ counts, memberCount }) => {
      const none = new Map(Array.from({ length: memberCount }, (_, at) => [`m${at}`, NO_PARTITIONS]))
      const before = uniform(inputOf(sameFor(counts, none)))
      const after = uniform(inputOf(sameFor(counts, new Map([...before, ['new', NO_PARTITIONS]]))))
      const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
      assert.equal(countOf(after.get('new')!), movesBetween(before, after))
      assert.ok(countOf(after.get('new')!) <= Math.ceil(total / (memberCount + 1)))
    }),
  )
})

test('uniform leaves no two subscribers of a topic where a move of one partition of it would help', () => {
  fc.assert(
    fc.property(anyCase, ({ counts, members }) => {
      const result = uniform(inputOf({ counts, members }))
      for (const [from, { topicIds }] of members) {
        for (const [to, other] of members) {
          const shared = topicIds.filter((id) => other.topicIds.includes(id) && result.get(from)!.has(id))
          if (shared.length > 0) assert.ok(countOf(result.get(from)!) - countOf(result.get(to)!) <= 1)
        }
      }
    }),
  )
})

test('range gives neighbours, first ones more, and cuts topics of one size alike', () => {
  const members = new Map([
    ['b', member(['t', 'u'])],
    ['a', member(['t', 'u'])],
  ])
  const result = range(inputOf({ counts: { t: 5, u: 5 }, members }))
  assert.deepEqual(toList(result.get('a')!), [
    { topicId: 't', partitions: [0, 1, 2] },
    { topicId: 'u', partitions: [0, 1, 2] },
  ])
  assert.deepEqual(
    toList(result.get('b')!).map(({ partitions }) => partitions),
    [
      [3, 4],
      [3, 4],
    ],
  )
})

test('range puts static members first, by their instance ids, so that new member ids move nothing', () => {
  const before = new Map([
    ['x', member(['t'], NO_PARTITIONS, 'i2')],
    ['y', member(['t'], NO_PARTITIONS, 'i1')],
    ['a', member(['t'])],
  ])
  const after = new Map([
    ['y2', member(['t'], NO_PARTITIONS, 'i1')],
    ['a', member(['t'])],
    ['x2', member(['t'], NO_PARTITIONS, 'i2')],
  ])
  const first = range(inputOf({ counts: { t: 6 }, members: before }))
  const second = range(inputOf({ counts: { t: 6 }, members: after }))
  assert.deepEqual(toList(first.get('y')!), [{ topicId: 't', partitions: [0, 1] }])
  assert.ok(areSame(first.get('x')!, second.get('x2')!) && areSame(first.get('y')!, second.get('y2')!))
})

test('an assignor that there is not has no function', () => {
  assert.equal(assignorNamed('sticky'), undefined)
})
