import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Assignment, AssignorMember } from './assignor.ts'
import { ASSIGNORS, type AssignorName } from './assignors.ts'
import { type GroupPartition, partitionKey } from './membership.ts'

const TOPICS = ['a', 'b', 'c']
/** Members that want different topics may have to move again what the round before has freed. */
const ROUNDS_MAX = 4

/** Members with any subscriptions, topics with any counts (0: it does not exist). */
const groups = fc.record({
  counts: fc.tuple(...TOPICS.map(() => fc.integer({ min: 0, max: 12 }))),
  wanted: fc.array(fc.subarray(TOPICS, { minLength: 1 }), { minLength: 1, maxLength: 8 }),
  /** Who is there in the next round, and who has come anew. */
  stays: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
  joins: fc.integer({ min: 0, max: 3 }),
})

function countsOf(counts: readonly number[]): Map<string, number> {
  return new Map(TOPICS.map((topic, index) => [topic, counts[index]!] as const).filter(([, count]) => count > 0))
}

function fresh(index: number, topics: readonly string[]): AssignorMember {
  return { memberId: `m${index}`, groupInstanceId: null, topics, owned: [], generation: -1 }
}

function keysOf(assignment: Assignment): string[] {
  return [...assignment.values()].flat().map(partitionKey).sort()
}

/** What somebody wants, once each. */
function wantedKeys(members: readonly AssignorMember[], counts: ReadonlyMap<string, number>): string[] {
  const topics = [...counts].filter(([topic]) => members.some((member) => member.topics.includes(topic)))
  return topics
    .flatMap(([topic, count]) => Array.from({ length: count }, (_, partition) => partitionKey({ topic, partition })))
    .sort()
}

for (const name of ['range', 'roundrobin', 'sticky'] as const) {
  test(`${name}: every partition that somebody wants goes to exactly one of those who want it`, () => {
    fc.assert(
      fc.property(groups, (group) => {
        const counts = countsOf(group.counts)
        const members = group.wanted.map((topics, index) => fresh(index, topics))
        const assignment = ASSIGNORS[name](members, counts)
        assert.deepEqual(keysOf(assignment), wantedKeys(members, counts))
        assert.equal(assignment.size, members.length)
        for (const { memberId, topics } of members)
          assert.ok(assignment.get(memberId)!.every(({ topic }) => topics.includes(topic)))
      }),
    )
  })
}

for (const name of ['roundrobin', 'sticky', 'cooperative-sticky'] as const) {
  test(`${name}: members that want the same differ by one partition at most`, () => {
    fc.assert(
      fc.property(groups, (group) => {
        const members = group.wanted.map((_, index) => fresh(index, TOPICS))
        const sizes = [...ASSIGNORS[name](members, countsOf(group.counts)).values()].map(({ length }) => length)
        assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1)
      }),
    )
  })
}

test('range: a topic by itself differs by one at most, in runs, and those who come first get more', () => {
  const members = ['m2', 'm0', 'm1'].map((memberId) => ({ ...fresh(0, ['a', 'b']), memberId }))
  const assignment = ASSIGNORS.range(
    members,
    new Map([
      ['a', 7],
      ['b', 2],
    ]),
  )
  const of = (memberId: string): string[] =>
    assignment.get(memberId)!.map(({ topic, partition }) => `${topic}${partition}`)
  assert.deepEqual(
    [of('m0'), of('m1'), of('m2')],
    [
      ['a0', 'a1', 'a2', 'b0'],
      ['a3', 'a4', 'b1'],
      ['a5', 'a6'],
    ],
  )
})

/** The next round: some members have gone, some have come, the others own what they were given. */
function nextRound(
  group: { wanted: string[][]; stays: boolean[]; joins: number },
  before: Assignment,
): AssignorMember[] {
  const staying = group.wanted
    .map((topics, index) => ({ ...fresh(index, topics), owned: before.get(`m${index}`)!, generation: 1 }))
    .filter((_, index) => group.stays[index])
  return [...staying, ...Array.from({ length: group.joins }, (_, index) => fresh(100 + index, TOPICS))]
}

test('sticky: members that want the same keep what they have, up to their share', () => {
  fc.assert(
    fc.property(groups, (group) => {
      const same = { ...group, wanted: group.wanted.map(() => TOPICS) }
      const counts = countsOf(group.counts)
      const before = ASSIGNORS.sticky(
        same.wanted.map((topics, index) => fresh(index, topics)),
        counts,
      )
      const members = nextRound(same, before)
      if (members.length === 0) return
      const after = ASSIGNORS.sticky(members, counts)
      const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
      const least = Math.floor(total / members.length)
      for (const { memberId, owned } of members) {
        const has = new Set(after.get(memberId)!.map(partitionKey))
        const kept = owned.filter((place) => has.has(partitionKey(place))).length
        assert.ok(kept >= Math.min(owned.length, least))
      }
    }),
  )
})

test('sticky: where nothing changes, nothing moves', () => {
  fc.assert(
    fc.property(groups, (group) => {
      const counts = countsOf(group.counts)
      const before = ASSIGNORS.sticky(
        group.wanted.map((topics, index) => fresh(index, topics)),
        counts,
      )
      const members = group.wanted.map((topics, index) => {
        return { ...fresh(index, topics), owned: before.get(`m${index}`)!, generation: 1 }
      })
      const after = ASSIGNORS.sticky(members, counts)
      for (const { memberId } of members)
        assert.deepEqual(after.get(memberId)!.map(partitionKey).sort(), before.get(memberId)!.map(partitionKey).sort())
    }),
  )
})

test('cooperative-sticky: nothing is given away while another owns it, and later rounds give the rest', () => {
  fc.assert(
    fc.property(
      groups,
      fc.array(fc.subarray(TOPICS, { minLength: 1 }), { minLength: 8, maxLength: 8 }),
      (group, later) => {
        const assign = ASSIGNORS['cooperative-sticky']
        const counts = countsOf(group.counts)
        const before = assign(
          group.wanted.map((topics, index) => fresh(index, topics)),
          counts,
        )
        // Subscriptions change as well: what a member wants no more it still owns until it is told.
        const members = nextRound(group, before).map((member, index) => ({ ...member, topics: later[index % 8]! }))
        if (members.length === 0) return
        const first = assign(members, counts)
        for (const { memberId } of members) {
          const others = members.filter((other) => other.memberId !== memberId).flatMap(({ owned }) => owned)
          const taken = new Set(others.map(partitionKey))
          assert.ok(first.get(memberId)!.every((place: GroupPartition) => !taken.has(partitionKey(place))))
        }
        let assignment = first
        for (let round = 2; round <= ROUNDS_MAX; round++) {
          const owning = members.map((member) => ({
            ...member,
            owned: assignment.get(member.memberId)!,
            generation: round,
          }))
          assignment = assign(owning, counts)
        }
        assert.deepEqual(keysOf(assignment), wantedKeys(members, counts))
      },
    ),
    { numRuns: 500 },
  )
})

test('of two who claim the same the newer generation is believed, of the same generation neither', () => {
  const place = { topic: 'a', partition: 0 }
  const claim = (index: number, generation: number): AssignorMember => {
    return { ...fresh(index, ['a']), owned: [place], generation }
  }
  const ownerOf = (name: AssignorName, members: readonly AssignorMember[]): string | undefined =>
    [...ASSIGNORS[name](members, new Map([['a', 1]]))].find(([, places]) => places.length > 0)?.[0]
  assert.equal(ownerOf('sticky', [claim(0, 1), claim(1, 2)]), 'm1')
  assert.equal(ownerOf('cooperative-sticky', [claim(0, 1), claim(1, 2)]), 'm1')
  assert.equal(ownerOf('cooperative-sticky', [claim(0, 2), claim(1, 2)]), undefined)
})

test('a thousand members share ten thousand partitions without a search through all of them for each', () => {
  const members = Array.from({ length: 1000 }, (_, index) => fresh(index, ['a']))
  const sizes = [...ASSIGNORS.sticky(members, new Map([['a', 10_000]])).values()].map(({ length }) => length)
  assert.deepEqual([Math.min(...sizes), Math.max(...sizes)], [10, 10])
})
