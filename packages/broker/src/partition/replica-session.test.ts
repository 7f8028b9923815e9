import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReplicaSession, type SessionEntry } from './replica-session.ts'

const TOPIC = 'AAAAAAAAAAAAAAAAAAAAAQ'

const entry = (index: number, fetchOffset: number): SessionEntry => ({
  ...{ topicId: TOPIC, index, currentLeaderEpoch: 3, fetchOffset, lastFetchedEpoch: 3, logStartOffset: 0 },
  ...{ highWatermark: 0, bytesMax: 1000 },
})

function asked(session: ReplicaSession, wanted: readonly SessionEntry[]) {
  const { sessionEpoch, topics, forgottenTopicsData } = session.next(wanted)
  return {
    epoch: sessionEpoch,
    named: topics!.flatMap(({ partitions }) =>
      partitions.map(({ partition, fetchOffset }) => [partition, fetchOffset]),
    ),
    forgotten: forgottenTopicsData!.flatMap(({ partitions }) => [...partitions]),
  }
}

test('the first request names everything, later ones what is new, and who is left out is forgotten', () => {
  const session = new ReplicaSession()
  assert.deepEqual(asked(session, [entry(0, 5), entry(1, 7)]), { epoch: 0, named: [[0, 5], [1, 7]], forgotten: [] }) // biome-ignore format: a table
  session.answered(9)
  assert.deepEqual(asked(session, [entry(0, 6), entry(1, 7)]), { epoch: 1, named: [[0, 6]], forgotten: [] })
  session.answered(9)
  assert.deepEqual(asked(session, [entry(0, 6)]), { epoch: 2, named: [], forgotten: [1] })
  session.answered(9)
  assert.deepEqual(asked(session, [entry(0, 6), entry(1, 7)]), { epoch: 3, named: [[1, 7]], forgotten: [] })
})

test('a session that is lost, or that the leader does not keep, begins anew with everything', () => {
  const session = new ReplicaSession()
  asked(session, [entry(0, 5)])
  session.answered(9)
  session.reset()
  assert.deepEqual(asked(session, [entry(0, 5)]), { epoch: 0, named: [[0, 5]], forgotten: [] })
  session.answered(0)
  assert.deepEqual(asked(session, [entry(0, 5)]), { epoch: 0, named: [[0, 5]], forgotten: [] })
})
