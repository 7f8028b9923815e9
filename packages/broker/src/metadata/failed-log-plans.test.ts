import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { loadConfig } from '../config.ts'
import { type FailedLog, planFailedLogs } from './failed-log-plans.ts'
import { NO_LEADER, type PartitionImage } from './image.ts'
import { clusterImage, partitionIn, TOPIC_ID, written } from './plan-image.ts'

const CONFIG = loadConfig({ overrides: {} }).config
type Cluster = Parameters<typeof clusterImage>[1]

const log = (fields: Partial<FailedLog> = {}): FailedLog => ({ topicId: TOPIC_ID, index: 0, failedEpoch: 4, ...fields })

/** What becomes of a partition of which broker 1 says that its log failed. */
function after(partition: Partial<PartitionImage>, { one = log(), options = {} as Cluster, brokerId = 1 } = {}) {
  const image = clusterImage([partition], options)
  const failed = { brokerId, brokerEpoch: 10 + brokerId, logs: [one] }
  const next = written(image, planFailedLogs(image, failed, CONFIG).sets)
  const { leader, isr, leaderEpoch, partitionEpoch, elr = [] } = partitionIn(next)
  // The same report once more.
  assert.deepEqual(planFailedLogs(next, failed, CONFIG).sets, [], 'what is told twice changes nothing')
  return { leader, isr, elr, leaderEpoch, partitionEpoch }
}

test('a leader whose log has failed is followed by the next replica in sync, and is in sync no more', () => {
  const expected = { leader: 2, isr: [2, 3], elr: [], leaderEpoch: 5, partitionEpoch: 8 }
  assert.deepEqual(after({}), expected)
  assert.deepEqual(after({}, { options: { fenced: [2] } }).leader, 3)
})

test('a follower whose log has failed holds up nobody: the leader and its epoch stay', () => {
  const expected = { leader: 1, isr: [1, 2], elr: [], leaderEpoch: 4, partitionEpoch: 8 }
  assert.deepEqual(after({}, { brokerId: 3 }), expected)
})

test('a leader that nobody can follow stays, in a new epoch, and its epoch rises once', () => {
  const alone = { isr: [1], replicas: [1, 2, 3] }
  assert.deepEqual(after(alone), { leader: 1, isr: [1], elr: [], leaderEpoch: 5, partitionEpoch: 8 })
  assert.equal(after(alone, { options: { fenced: [2, 3] } }).leaderEpoch, 5)
  const fenced = after({ isr: [1, 2] }, { options: { fenced: [2] } })
  assert.deepEqual([fenced.leader, fenced.leaderEpoch], [1, 5])
})

test('a log that failed in an earlier epoch, or was never open, asks for no new one', () => {
  for (const failedEpoch of [-1, 3]) {
    const { leaderEpoch, partitionEpoch } = after({ isr: [1] }, { one: log({ failedEpoch }) })
    assert.deepEqual([leaderEpoch, partitionEpoch], [4, 7])
  }
})

test('an eligible leader replica leads where nobody in sync can (KIP-966), and the failed one stays eligible', () => {
  const configs = { 'min.insync.replicas': '2' }
  const state = after({ isr: [1], elr: [2] }, { options: { configs } })
  assert.deepEqual(state, { leader: 2, isr: [2], elr: [1], leaderEpoch: 5, partitionEpoch: 8 })
})

test('an unclean leader is taken only where the topic allows it', () => {
  const configs = { 'unclean.leader.election.enable': 'true' }
  assert.equal(after({ isr: [1] }, { options: { configs } }).leader, 2)
  assert.equal(after({ isr: [1] }).leader, 1)
})

test('nothing is done for a single replica, an unknown partition, one without a leader, or an earlier incarnation', () => {
  assert.equal(after({ replicas: [1], isr: [1] }).partitionEpoch, 7)
  assert.equal(after({}, { one: log({ index: 9 }) }).partitionEpoch, 7)
  assert.equal(after({}, { one: log({ topicId: 'AAAAAAAAAAAAAAAAAAAAAg' }) }).partitionEpoch, 7)
  assert.equal(after({ isr: [2], leader: NO_LEADER }).partitionEpoch, 7)
  const image = clusterImage([{}])
  const plan = planFailedLogs(image, { brokerId: 1, brokerEpoch: 10, logs: [log()] }, CONFIG)
  assert.ok(plan.success instanceof ProtocolError && plan.success.error === 'STALE_BROKER_EPOCH')
  assert.deepEqual(plan.sets, [])
})
