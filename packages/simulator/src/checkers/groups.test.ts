import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GroupHistory, type GroupSession } from '../workloads/group-history.ts'
import type { FinalLog } from '../workloads/workload.ts'
import { checkGroup } from './groups.ts'

const PLACE = { topic: 't', partition: 0 }
const seen = (...offsets: readonly number[]) => offsets.map((offset) => ({ offset, value: `v${offset}` }))
const LOG: FinalLog = { ...PLACE, records: seen(0, 1, 2, 3) }

function session(member: string, offsets: readonly number[], fields: Partial<GroupSession> = {}): GroupSession {
  return { ...PLACE, member, assignedMs: 0, endedMs: null, records: seen(...offsets), commits: [], ...fields }
}

function kinds(...sessions: readonly GroupSession[]): string[] {
  const history = new GroupHistory('g')
  history.sessions.push(...sessions)
  return checkGroup(LOG, history).map((anomaly) => anomaly.split(':')[0]!)
}

test('members that read all between them, one after the other or again, are no anomaly', () => {
  assert.deepEqual(kinds(session('a', [0, 1, 2, 3])), [])
  assert.deepEqual(kinds(session('a', [0, 1, 2], { endedMs: 5 }), session('b', [1, 2, 3], { assignedMs: 6 })), [])
})

test('a session that skips or goes back is told, and so are records that nobody read', () => {
  assert.deepEqual(kinds(session('a', [0, 2, 3])), ['poll skip', 'unseen'])
  assert.deepEqual(kinds(session('a', [0, 1, 0, 1, 2, 3])), ['poll back'])
  assert.deepEqual(kinds(session('a', [0, 1], { endedMs: 5 }), session('b', [3], { assignedMs: 6 })), ['unseen'])
})

test('a session that begins before what was committed when it was assigned is told; a later commit is not held against it', () => {
  const early = session('a', [0, 1, 2], { endedMs: 9, commits: [{ offset: 3, sentMs: 4, ackedMs: 5 }] })
  assert.deepEqual(kinds(early, session('b', [2, 3], { assignedMs: 10 })), ['committed-offset regression'])
  assert.deepEqual(kinds(early, session('b', [3], { assignedMs: 10 })), [])
  const unknown = session('a', [0, 1, 2], { endedMs: 9, commits: [{ offset: 3, sentMs: 4, ackedMs: null }] })
  assert.deepEqual(kinds(unknown, session('b', [0, 1, 2, 3], { assignedMs: 10 })), [])
})

test('a commit that counts while the partition is another member’s is told', () => {
  const zombie = session('a', [0, 1], { endedMs: 20, commits: [{ offset: 2, sentMs: 12, ackedMs: 13 }] })
  assert.deepEqual(kinds(zombie, session('b', [0, 1, 2, 3], { assignedMs: 10 })), ['double owner'])
  assert.deepEqual(kinds(zombie, session('b', [0, 1, 2, 3], { assignedMs: 10, endedMs: 12 })), [])
  assert.deepEqual(kinds(zombie, session('b', [2, 3], { assignedMs: 14 })), [])
  const heir = session('b', [0, 1, 2, 3], { assignedMs: 10, commits: [{ offset: 4, sentMs: 12, ackedMs: 13 }] })
  assert.deepEqual(kinds(session('a', [0, 1]), heir), [], 'the first owner is cut off, and does not know yet')
})

test('a member that read what is not in the log is told', () => {
  assert.deepEqual(kinds(session('a', [0, 1, 2, 3, 4])), ['read ahead'])
})
