import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import {
  epochAfter,
  type FetchPartition,
  type FetchSessionRequest,
  FetchSessions,
  type SessionStart,
} from './fetch-sessions.ts'

const INT32_MAX = 0x7fff_ffff

function partition(index: number, fields: Partial<FetchPartition> = {}): FetchPartition {
  const asked = { fetchOffset: 0, maxBytes: 100, currentLeaderEpoch: -1, lastFetchedEpoch: -1 }
  const follower = { logStartOffset: -1, knownHighWatermark: -1 }
  return { topicId: ZERO_UUID, topicName: 't', partition: index, ...asked, ...follower, ...fields }
}

function fixture(slotsMax = 2) {
  const time = new FakeTime()
  const sessions = new FetchSessions({ clock: time, random: seededRandom(1), slotsMax })
  const start = (sessionId: number, sessionEpoch: number, request: Partial<FetchSessionRequest> = {}): SessionStart =>
    sessions.start({ sessionId, sessionEpoch, usesTopicIds: false, partitions: [], forgotten: [], ...request })
  const begin = (...indexes: number[]) => started(start(0, 0, { partitions: indexes.map((index) => partition(index)) }))
  return { time, sessions, start, begin }
}

function started(start: SessionStart) {
  assert.equal(start.kind, 'started', start.kind === 'refused' ? start.error : '')
  if (start.kind !== 'started') throw new Error('unreachable')
  return start
}

function refusal(start: SessionStart): string {
  return start.kind === 'refused' ? start.error : 'started'
}

function indexesOf(start: SessionStart): number[] {
  return started(start).partitions.map(({ asked }) => asked.partition)
}

test('a full request makes a session, whose first incremental epoch is 1', () => {
  const { sessions, start, begin } = fixture()
  const session = begin(0, 1)
  assert.ok(session.sessionId > 0)
  assert.equal(session.incremental, false)
  const next = started(start(session.sessionId, 1))
  assert.deepEqual([next.sessionId, next.incremental, indexesOf(next)], [session.sessionId, true, [0, 1]])
  assert.equal(sessions.count, 1)
})

test('a request of the final epoch gets no session, and ends the one that it names', () => {
  const { sessions, start, begin } = fixture()
  assert.equal(started(start(0, -1, { partitions: [partition(0)] })).sessionId, 0)
  assert.equal(sessions.count, 0)
  const { sessionId } = begin(0)
  const last = started(start(sessionId, -1, { partitions: [partition(5)] }))
  assert.deepEqual([last.sessionId, last.incremental, indexesOf(last)], [0, false, [5]])
  assert.equal(sessions.count, 0)
  assert.equal(refusal(start(sessionId, 1)), 'FETCH_SESSION_ID_NOT_FOUND')
})

test('a full request that names a session ends it and begins another', () => {
  const { sessions, start, begin } = fixture()
  const { sessionId } = begin(0)
  const second = started(start(sessionId, 0, { partitions: [partition(1)] }))
  assert.notEqual(second.sessionId, sessionId)
  assert.equal(sessions.count, 1)
  assert.equal(refusal(start(sessionId, 1)), 'FETCH_SESSION_ID_NOT_FOUND')
})

test('an unknown session, the epoch before, the epoch after and a change of names are refused', () => {
  const { start, begin } = fixture()
  assert.equal(refusal(start(12_345, 1)), 'FETCH_SESSION_ID_NOT_FOUND')
  assert.equal(refusal(start(0, 1)), 'FETCH_SESSION_ID_NOT_FOUND')
  const { sessionId } = begin(0)
  started(start(sessionId, 1))
  assert.equal(refusal(start(sessionId, 1)), 'INVALID_FETCH_SESSION_EPOCH')
  assert.equal(refusal(start(sessionId, 3)), 'INVALID_FETCH_SESSION_EPOCH')
  assert.equal(refusal(start(sessionId, -2)), 'INVALID_FETCH_SESSION_EPOCH')
  assert.equal(refusal(start(sessionId, 2, { usesTopicIds: true })), 'FETCH_SESSION_TOPIC_ID_ERROR')
  assert.equal(refusal(start(sessionId, 3, { usesTopicIds: true })), 'INVALID_FETCH_SESSION_EPOCH')
  started(start(sessionId, 2))
})

test('the epoch after the largest is 1', () => {
  assert.deepEqual([0, 1, INT32_MAX - 1, INT32_MAX].map(epochAfter), [1, 2, INT32_MAX, 1])
})

test('an incremental request adds, changes and forgets partitions, and keeps the others in order', () => {
  const { start, begin } = fixture()
  const { sessionId } = begin(0, 1, 2)
  const changed = start(sessionId, 1, {
    partitions: [partition(1, { fetchOffset: 77 }), partition(9)],
    forgotten: [partition(0)],
  })
  assert.deepEqual(indexesOf(changed), [1, 2, 9])
  assert.equal(started(changed).partitions[0]!.asked.fetchOffset, 77)
  assert.deepEqual(indexesOf(start(sessionId, 2)), [1, 2, 9])
  assert.deepEqual(indexesOf(start(sessionId, 3, { forgotten: [partition(9), partition(55)] })), [1, 2])
})

test('what was told of a partition is remembered when it is asked for anew, and not when it is new', () => {
  const { start, begin } = fixture()
  const session = begin(0, 1)
  session.partitions[0]!.highWatermark = 10
  const next = started(start(session.sessionId, 1, { partitions: [partition(0, { fetchOffset: 10 })] }))
  assert.deepEqual(
    next.partitions.map(({ highWatermark }) => highWatermark),
    [10, -1],
  )
  started(start(session.sessionId, 2, { forgotten: [partition(0)] }))
  const again = started(start(session.sessionId, 3, { partitions: [partition(0)] }))
  assert.deepEqual(
    again.partitions.map(({ highWatermark }) => highWatermark),
    [-1, -1],
  )
})

test('a session without partitions is dropped', () => {
  const { sessions, start, begin } = fixture()
  const { sessionId } = begin(0)
  const last = started(start(sessionId, 1, { forgotten: [partition(0)] }))
  assert.deepEqual([last.sessionId, last.partitions.length, sessions.count], [0, 0, 0])
})

test('a partition that got data goes behind the others', () => {
  const { start, begin } = fixture()
  const session = begin(0, 1, 2)
  session.served(session.partitions[0]!)
  assert.deepEqual(indexesOf(start(session.sessionId, 1)), [1, 2, 0])
  const next = started(start(session.sessionId, 2))
  next.served(next.partitions[1]!)
  assert.deepEqual(indexesOf(start(session.sessionId, 3)), [1, 0, 2])
})

test('a partition that was forgotten while it was read does not come back', () => {
  const { start, begin } = fixture()
  const session = begin(0, 1)
  started(start(session.sessionId, 1, { forgotten: [partition(0)] }))
  session.served(session.partitions[0]!)
  assert.deepEqual(indexesOf(start(session.sessionId, 2)), [1])
})

test('the maximum + 1 gets no session while all others are young, and then the place of the least used', () => {
  const { time, sessions, start, begin } = fixture(2)
  const [first, second] = [begin(0), begin(0)]
  assert.equal(begin(0, 1, 2).sessionId, 0, 'a young session gives way to nobody')
  time.advance(100_000)
  started(start(first.sessionId, 1))
  time.advance(20_001)
  const third = begin(0)
  assert.ok(third.sessionId > 0)
  assert.equal(sessions.count, 2)
  assert.equal(refusal(start(second.sessionId, 1)), 'FETCH_SESSION_ID_NOT_FOUND')
  started(start(first.sessionId, 2))
})

test('a session in use gives way to a larger one once it is old, to an equal one never', () => {
  const { time, start, begin } = fixture(2)
  const small = begin(0)
  const large = begin(0, 1, 2)
  for (let epoch = 1; epoch <= 3; epoch++) {
    time.advance(60_000)
    started(start(small.sessionId, epoch))
    started(start(large.sessionId, epoch))
  }
  assert.equal(begin(5).sessionId, 0)
  assert.ok(begin(5, 6).sessionId > 0)
  assert.equal(refusal(start(small.sessionId, 4)), 'FETCH_SESSION_ID_NOT_FOUND')
  started(start(large.sessionId, 4))
})

test('no slots, no sessions', () => {
  const { sessions, begin } = fixture(0)
  assert.equal(begin(0).sessionId, 0)
  assert.equal(sessions.count, 0)
})
