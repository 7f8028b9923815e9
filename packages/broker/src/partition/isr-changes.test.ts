import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Outcome } from '../metadata/controller-client.ts'
import type { AlteredPartition, AlterPartitions } from '../metadata/isr-plans.ts'
import { IsrChanges } from './isr-changes.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABQ'
const RETRY_MS = 100
const WRITTEN = { index: 0, replicas: [1, 2], isr: [1, 2], leader: 1, leaderEpoch: 4, partitionEpoch: 8 }

type Answer = (request: AlterPartitions) => Outcome<AlteredPartition[]> | Promise<Outcome<AlteredPartition[]>>

/** Answers in turn, the last one again and again. */
function world(...answers: Answer[]) {
  const time = new FakeTime()
  const asked: AlterPartitions[] = []
  const withdrawn: number[] = []
  const current = new Set<number>()
  const changes = new IsrChanges({
    ...{ brokerId: 1, brokerEpoch: () => 11, timers: time, logger: new MemoryLogger() },
    controller: {
      alterPartitions: async (request) => {
        asked.push(request)
        return (answers.length > 1 ? answers.shift()! : answers[0]!)(request)
      },
    },
  })
  const propose = (index: number): void => {
    current.add(index)
    changes.propose({
      ...{ topicId: TOPIC_ID, index, leaderEpoch: 4 },
      proposal: { partitionEpoch: 7, isr: [{ id: 1, brokerEpoch: 11 }] },
      isCurrent: () => current.has(index),
      withdraw: () => {
        current.delete(index)
        withdrawn.push(index)
      },
    })
  }
  const indexesAsked = () => asked.map(({ partitions }) => partitions.map(({ index }) => index))
  return { time, asked, withdrawn, current, propose, indexesAsked }
}

const each =
  (answer: AlteredPartition): Answer =>
  ({ partitions }) =>
    partitions.map(() => answer)

test('proposals of one turn are one request, with all that the controller compares', async () => {
  const w = world(each(WRITTEN))
  w.propose(0)
  w.propose(1)
  await w.time.settle()
  assert.deepEqual(w.indexesAsked(), [[0, 1]])
  const { brokerId, brokerEpoch, partitions } = w.asked[0]!
  assert.deepEqual([brokerId, brokerEpoch], [1, 11])
  const isr = [{ id: 1, brokerEpoch: 11 }]
  assert.deepEqual(partitions[0], { topicId: TOPIC_ID, index: 0, leaderEpoch: 4, partitionEpoch: 7, isr })
  await w.time.run(10 * RETRY_MS)
  assert.equal(w.asked.length, 1, 'what was written is told by the image')
})

test('what is proposed while a request is under way goes with the next: there is one at a time', async () => {
  const w = world(async (request) => {
    await w.time.sleep(30)
    return each(WRITTEN)(request)
  })
  w.propose(0)
  await w.time.run(10)
  w.propose(1)
  w.propose(2)
  await w.time.run(10)
  assert.deepEqual(w.indexesAsked(), [[0]])
  await w.time.run(50)
  assert.deepEqual(w.indexesAsked(), [[0], [1, 2]])
})

test('a proposal whose answer is lost is sent again until the image has settled it', async () => {
  for (const lost of [
    () => new ProtocolError('REQUEST_TIMED_OUT'),
    () => Promise.reject(new Error('The connection was lost')),
  ] as const) {
    const w = world(lost)
    w.propose(0)
    await w.time.run(2.5 * RETRY_MS)
    assert.deepEqual([w.indexesAsked(), w.withdrawn], [[[0], [0], [0]], []])
    w.current.delete(0)
    await w.time.run(5 * RETRY_MS)
    assert.equal(w.asked.length, 3)
    assert.equal(w.time.pendingTimers, 0)
  }
})

test('what stayed as it was because a replica may not join is withdrawn at once, and not sent again', async () => {
  const w = world(({ partitions }) => partitions.map(({ index }) => (index === 0 ? 'INELIGIBLE_REPLICA' : WRITTEN)))
  w.propose(0)
  w.propose(1)
  await w.time.run(5 * RETRY_MS)
  assert.deepEqual([w.withdrawn, w.asked.length], [[0], 1])
  w.propose(0)
  await w.time.settle()
  w.propose(2)
  await w.time.settle()
  assert.deepEqual(w.indexesAsked().slice(1), [[0], [2]], 'nobody waits for what is over')
})

test('any other refusal is no word about what was written before: the proposal stands', async () => {
  const errors: ErrorName[] = ['INVALID_UPDATE_VERSION', 'NOT_CONTROLLER', 'FENCED_LEADER_EPOCH', 'UNKNOWN_TOPIC_ID']
  for (const error of errors) {
    const w = world(each(error), each(WRITTEN))
    w.propose(0)
    await w.time.run(1.5 * RETRY_MS)
    assert.deepEqual([w.indexesAsked(), w.withdrawn], [[[0], [0]], []], error)
  }
})

test('a request holds a bounded number of partitions, the rest comes with the next', async () => {
  const w = world(each(WRITTEN))
  for (let index = 0; index < 5001; index++) w.propose(index)
  await w.time.settle()
  assert.deepEqual(
    w.indexesAsked().map(({ length }) => length),
    [5000, 1],
  )
})
