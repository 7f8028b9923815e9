import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countedEnd, isUnderMinIsr, LeaderTerm } from './replicas.ts'

const LEADER = 1
const set = (isr: readonly number[], partitionEpoch = 0) => ({ replicas: [1, 2, 3], isr, partitionEpoch })
const written = (end: number) => ({ writtenOffset: end, syncedOffset: end, unsyncedAllFrom: Infinity })
const alive = { eligibleEpoch: (id: number) => 10 + id }

function term(isr: readonly number[], { epochStartOffset = 0 } = {}) {
  return new LeaderTerm(set(isr), { localId: LEADER, localBrokerEpoch: 11, epochStartOffset, nowMs: 0 })
}

function fetched(of: LeaderTerm, replicaId: number, fetchOffset: number, leaderEndOffset = 100, nowMs = 0): boolean {
  const brokerEpoch = 10 + replicaId
  return of.observeFetch({ replicaId, brokerEpoch, fetchOffset, logStartOffset: 0, leaderEndOffset, nowMs })
}

test('written batches of acks 0 and 1 count at once, those behind an unsynced acks=all batch wait for its sync', () => {
  const rows: [writtenOffset: number, syncedOffset: number, unsyncedAllFrom: number, expected: number][] = [
    [0, 0, Infinity, 0],
    [10, 0, Infinity, 10],
    [10, 0, 0, 0],
    [10, 0, 4, 4],
    [10, 6, 8, 8],
    [10, 6, 6, 6],
    [10, 10, Infinity, 10],
    [12, 10, 20, 12],
  ]
  for (const [writtenOffset, syncedOffset, unsyncedAllFrom, expected] of rows) {
    assert.equal(countedEnd({ writtenOffset, syncedOffset, unsyncedAllFrom }), expected)
  }
})

test('min.insync.replicas is capped at the number of replicas', () => {
  assert.equal(isUnderMinIsr({ isr: 1, replicas: 1, minInSyncReplicas: 2 }), false)
  assert.equal(isUnderMinIsr({ isr: 1, replicas: 3, minInSyncReplicas: 2 }), true)
  assert.equal(isUnderMinIsr({ isr: 2, replicas: 3, minInSyncReplicas: 2 }), false)
})

test('the high watermark is what every in-sync replica has synced, and unknown until each has fetched in this term', () => {
  const leader = term([1, 2, 3])
  assert.equal(leader.highWatermark(written(100), 1), -1)
  fetched(leader, 2, 70)
  assert.equal(leader.highWatermark(written(100), 1), -1)
  fetched(leader, 3, 40)
  assert.equal(leader.highWatermark(written(100), 1), 40)
  fetched(leader, 3, 90)
  assert.equal(leader.highWatermark(written(100), 1), 70)
  assert.equal(leader.highWatermark({ writtenOffset: 100, syncedOffset: 50, unsyncedAllFrom: 60 }, 1), 60)
})

test('what a leader has of earlier terms counts once it is synced, whatever it came with', () => {
  const leader = term([1], { epochStartOffset: 50 })
  const progress = { writtenOffset: 60, unsyncedAllFrom: Infinity }
  assert.equal(leader.highWatermark({ ...progress, syncedOffset: 40 }, 1), 40)
  assert.equal(leader.highWatermark({ ...progress, syncedOffset: 49 }, 1), 49)
  assert.equal(leader.highWatermark({ ...progress, syncedOffset: 50 }, 1), 60)
})

test('replicas outside the in-sync set do not hold up the high watermark', () => {
  const leader = term([1, 2])
  fetched(leader, 2, 70)
  fetched(leader, 3, 5)
  assert.equal(leader.highWatermark(written(100), 1), 70)
})

test('the high watermark stays where it is while fewer replicas are in sync than min.insync.replicas asks for', () => {
  const leader = term([1])
  assert.equal(leader.highWatermark(written(100), 2), -1)
  assert.equal(leader.highWatermark(written(100), 1), 100)
})

test('a follower joins with all that is committed and of this epoch, alive, in the incarnation that fetched', () => {
  const leader = term([1, 2], { epochStartOffset: 80 })
  fetched(leader, 3, 70)
  assert.equal(leader.mayJoin(3, 60, alive), false, 'the epoch begins at 80')
  fetched(leader, 3, 80)
  assert.equal(leader.mayJoin(3, 90, alive), false, '90 is committed')
  fetched(leader, 3, 95)
  assert.equal(leader.mayJoin(3, 90, { eligibleEpoch: () => null }), false, 'fenced')
  assert.equal(leader.mayJoin(3, 90, { eligibleEpoch: () => 99 }), false, 'started anew meanwhile')
  assert.equal(leader.mayJoin(3, 90, alive), true)
  assert.equal(leader.mayJoin(2, 0, alive), false, 'is in the set')
})

test('a joining follower holds up the high watermark from its proposal on, a leaving one until it is confirmed', () => {
  const joining = term([1, 2])
  fetched(joining, 2, 100)
  fetched(joining, 3, 60)
  const proposal = joining.proposeWith(3)
  assert.deepEqual(proposal, {
    partitionEpoch: 0,
    isr: [
      { id: 1, brokerEpoch: 11 },
      { id: 2, brokerEpoch: 12 },
      { id: 3, brokerEpoch: 13 },
    ],
  })
  assert.equal(joining.highWatermark(written(100), 1), 60)
  joining.withdraw(proposal)
  assert.equal(joining.highWatermark(written(100), 1), 100)

  const leaving = term([1, 2, 3])
  fetched(leaving, 2, 100, 100, 1000)
  fetched(leaving, 3, 60, 100, 1000)
  const late = { leaderEndOffset: 100, nowMs: 2000, lagMaxMs: 1500 }
  assert.deepEqual(
    leaving.proposeWithoutLate(late)?.isr.map(({ id }) => id),
    [1, 2],
  )
  assert.equal(leaving.highWatermark(written(100), 1), 60)
  leaving.update(set([1, 2], 1), 2000)
  assert.equal(leaving.highWatermark(written(100), 1), 100)
})

test('one proposal at a time; the word of the controller on a newer partition epoch settles it', () => {
  const leader = term([1])
  fetched(leader, 2, 100)
  fetched(leader, 3, 100)
  leader.proposeWith(2)
  assert.equal(leader.mayJoin(3, 0, alive), false)
  assert.equal(leader.proposeWithoutLate({ leaderEndOffset: 500, nowMs: 1e9, lagMaxMs: 1 }), null)
  leader.update(set([1], 0), 0)
  assert.equal(leader.hasProposal, true, 'the same epoch says nothing of it')
  leader.update(set([1, 2], 1), 0)
  assert.equal(leader.hasProposal, false)
  assert.equal(leader.mayJoin(3, 0, alive), true)
})

test('a follower is late when it has not had all for too long; one that keeps up with a growing log is not', () => {
  const leader = term([1, 2, 3])
  fetched(leader, 2, 100, 100, 1000)
  fetched(leader, 2, 100, 150, 2000)
  fetched(leader, 2, 150, 200, 3000)
  fetched(leader, 3, 10, 200, 3000)
  const at = (nowMs: number) => ({ leaderEndOffset: 200, nowMs, lagMaxMs: 2500 })
  // At 3000 it had what there was at 2000, so it was caught up at 2000.
  assert.deepEqual(
    leader.proposeWithoutLate(at(4000))?.isr.map(({ id }) => id),
    [1, 2],
  )
})

test('a follower that has everything is never late, however long nothing was written', () => {
  const leader = term([1, 2, 3])
  fetched(leader, 2, 200, 200, 0)
  fetched(leader, 3, 200, 200, 0)
  assert.equal(leader.proposeWithoutLate({ leaderEndOffset: 200, nowMs: 1e9, lagMaxMs: 1 }), null)
})

test('the fetch of an earlier incarnation, or of no replica, counts for nothing (KIP-903)', () => {
  const leader = term([1, 2, 3])
  const fetch = { replicaId: 2, fetchOffset: 50, logStartOffset: 0, leaderEndOffset: 100, nowMs: 0 }
  assert.equal(leader.observeFetch({ ...fetch, brokerEpoch: 20 }), true)
  assert.equal(leader.observeFetch({ ...fetch, brokerEpoch: 12, fetchOffset: 100 }), false)
  assert.equal(leader.syncedOffsetOf(2), 50)
  assert.equal(fetched(leader, 9, 100), false)
})

test('replicas come and go with the assignment', () => {
  const leader = term([1, 2, 3])
  fetched(leader, 3, 100)
  leader.update({ replicas: [1, 2, 4], isr: [1, 2], partitionEpoch: 1 }, 500)
  assert.equal(fetched(leader, 3, 100), false)
  assert.equal(fetched(leader, 4, 20), true)
})

test('an offset is served by followers in sync whose logs hold it, the most caught up first', () => {
  const leader = term([1, 2, 3])
  assert.deepEqual(leader.whoHas(0), [], 'nobody has told anything in this term')
  fetched(leader, 2, 70)
  fetched(leader, 3, 40)
  assert.deepEqual(
    [leader.whoHas(0), leader.whoHas(40), leader.whoHas(41), leader.whoHas(71)],
    [[2, 3], [2, 3], [2], []],
  )
  const start = { replicaId: 2, brokerEpoch: 12, fetchOffset: 70, logStartOffset: 50, leaderEndOffset: 100, nowMs: 0 }
  leader.observeFetch(start)
  assert.deepEqual([leader.whoHas(39), leader.whoHas(50)], [[3], [2]])
  fetched(leader, 3, 70)
  assert.deepEqual(leader.whoHas(50), [3, 2], 'of equals the larger id, as in Kafka')
  leader.update(set([1, 2], 1), 0)
  assert.deepEqual(leader.whoHas(50), [2], 'who is not in sync may lag for good')
})
