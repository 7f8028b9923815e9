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

function replica(brokerId: number, { highWatermark = 0, syncedOffset = 0, isOffline = false }) {
  const isLeader = brokerId === 1
  const partition = {
    topicId: TOPIC_ID,
    topicName: 't',
    index: 0,
    isLeader,
    isOffline,
    highWatermark,
    log: { syncedOffset },
  }
  return { brokerId, partition }
}

type Look = readonly [isr: readonly number[], ...replicas: ReturnType<typeof replica>[]]

function anomaliesOf(looks: readonly Look[]) {
  const anomalies: string[] = []
  const sets = new InSyncSets(anomalies)
  for (const [isr, ...replicas] of looks) sets.look(replicas, imageOf(isr))
  return anomalies
}

test('who is in sync and has not synced something that was committed is told once, also after its leader has gone', () => {
  const committed: Look = [[1, 2], replica(1, { highWatermark: 5, syncedOffset: 7 })]
  const lacking: Look = [[2], replica(2, { highWatermark: 3, syncedOffset: 4 })]
  const told = ["not in sync: broker 2 of t-0's isr has synced 4 of 5"]
  assert.deepEqual(anomaliesOf([committed, lacking, lacking]), told)
})

test('who is not in sync, has all, or has a log that failed is in order', () => {
  const leader = replica(1, { highWatermark: 5, syncedOffset: 5 })
  const fine = [replica(2, { highWatermark: 2, syncedOffset: 5 }), replica(3, { syncedOffset: 1 })]
  const failed = replica(2, { syncedOffset: 0, isOffline: true })
  assert.deepEqual(
    anomaliesOf([
      [[1, 2], leader, ...fine],
      [[1, 2], leader, failed],
    ]),
    [],
  )
})
