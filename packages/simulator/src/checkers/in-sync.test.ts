import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TopicImage } from '@ottla/broker/metadata/image.ts'
import { InSyncSets } from './in-sync.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABQ'

function imageOf(isr: readonly number[]) {
  const partition = { index: 0, replicas: [1, 2, 3], isr, leader: 1, leaderEpoch: 0, partitionEpoch: 0 }
  const fields = { internal: false, configs: new Map(), revision: 1 }
  const topic: TopicImage = { id: TOPIC_ID, name: 't', partitions: [partition], ...fields }
  return { topicsById: new Map([[TOPIC_ID, topic]]) }
}

function replica(brokerId: number, { highWatermark = 0, logEndOffset = 0, isOffline = false }) {
  const isLeader = brokerId === 1
  const partition = { topicId: TOPIC_ID, topicName: 't', index: 0, isLeader, isOffline, highWatermark, logEndOffset }
  return { brokerId, partition }
}

type Look = readonly [isr: readonly number[], ...replicas: ReturnType<typeof replica>[]]

function anomaliesOf(looks: readonly Look[]) {
  const anomalies: string[] = []
  const sets = new InSyncSets(anomalies)
  for (const [isr, ...replicas] of looks) sets.look(replicas, imageOf(isr))
  return anomalies
}

test('who is in sync without something that was committed is told once, also after its leader has gone', () => {
  const committed: Look = [[1, 2], replica(1, { highWatermark: 5, logEndOffset: 7 })]
  const lacking: Look = [[2], replica(2, { highWatermark: 3, logEndOffset: 4 })]
  const told = ['not in sync: broker 2 is in the isr of t-0 with 4 of 5']
  assert.deepEqual(anomaliesOf([committed, lacking, lacking]), told)
})

test('who is not in sync, has all, or has a log that failed is in order', () => {
  const leader = replica(1, { highWatermark: 5, logEndOffset: 5 })
  const fine = [replica(2, { highWatermark: 2, logEndOffset: 5 }), replica(3, { logEndOffset: 1 })]
  const failed = replica(2, { logEndOffset: 0, isOffline: true })
  assert.deepEqual(
    anomaliesOf([
      [[1, 2], leader, ...fine],
      [[1, 2], leader, failed],
    ]),
    [],
  )
})
