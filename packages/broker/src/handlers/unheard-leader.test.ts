/**
 * A leader whose session is over, as far as it can know, because the store is out of its reach: another may lead by now.
 * Clients that reach it must not wait there for what will never be committed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { testBatch } from '../log/testing.ts'
import type { PartitionImage } from '../metadata/image.ts'
import { broker, FetchFixture, IMAGE } from '../testing/fetch-fixture.ts'
import { produce } from './00-produce.ts'
import { metadata } from './03-metadata.ts'
import { call } from './admin-harness.ts'
import type { BrokerParts } from './parts.ts'

const REPLICATED: PartitionImage = { ...IMAGE, replicas: [1, 2], isr: [1, 2] }
const BROKERS = [broker(1), broker(2)]

const open = (image = REPLICATED) => FetchFixture.open({ image, brokers: BROKERS })

/** Begins a produce with acks=all; its error once it is there. */
function producing(fixture: FetchFixture) {
  const topicData = [{ name: 't', partitionData: [{ index: 0, records: testBatch() }] }]
  const request = { transactionalId: null, acks: -1, timeoutMs: 30_000, topicData }
  const answered = call(Produce, produce(fixture.parts), { version: 10, request })
  return answered.then(({ responses, nodeEndpoints }) => {
    const { errorCode, currentLeader } = responses[0]!.partitionResponses[0]!
    return { error: errorName(errorCode), hinted: currentLeader.leaderId, endpoints: nodeEndpoints.length }
  })
}

const ELSEWHERE = { error: 'NOT_LEADER_OR_FOLLOWER', hinted: -1, endpoints: 0 }

test('who waits for its followers is sent away when the session ends, and whoever comes then at once', async () => {
  const fixture = await open()
  const waiting = producing(fixture)
  await fixture.log.time.settle()
  fixture.isHeard = false
  fixture.partition.lapse()
  assert.deepEqual(await fixture.log.finished(waiting), ELSEWHERE)
  assert.deepEqual(await fixture.log.finished(producing(fixture)), ELSEWHERE)
  assert.equal(fixture.partition.logEndOffset, 1, 'nothing more is appended')
})

test('a broker that is heard again leads as before', async () => {
  const fixture = await open()
  fixture.isHeard = false
  fixture.partition.lapse()
  await fixture.log.finished(producing(fixture))
  fixture.isHeard = true
  const waiting = producing(fixture)
  await fixture.log.time.settle()
  await fixture.fetch({ version: 18, follower: 2, offset: fixture.partition.logEndOffset })
  assert.equal((await fixture.log.finished(waiting)).error, 'NONE')
})

test('a session that has not ended sends nobody away', async () => {
  const fixture = await open()
  const waiting = producing(fixture)
  await fixture.log.time.settle()
  fixture.partition.lapse()
  await fixture.log.time.run(1000)
  await fixture.fetch({ version: 18, follower: 2, offset: 1 })
  assert.equal((await fixture.log.finished(waiting)).error, 'NONE')
})

test('a consumer reads what it may, and at the end is sent to look for another leader', async () => {
  const fixture = await open()
  await fixture.append(10)
  await fixture.fetch({ version: 18, follower: 2, offset: 1 })
  const waiting = fixture.begin({ version: 16, offset: 1, maxWaitMs: 30_000 })
  await fixture.log.time.settle()
  fixture.isHeard = false
  fixture.partition.lapse()
  await fixture.log.time.settle()
  const told = waiting.response!.responses[0]!.partitions[0]!
  assert.deepEqual([errorName(told.errorCode), told.currentLeader], ['NOT_LEADER_OR_FOLLOWER', undefined])
  assert.equal(await fixture.errorOf({ offset: 0 }), 'NONE')
  assert.equal(await fixture.errorOf({ version: 18, follower: 2, offset: 1 }), 'NONE', 'a follower fetches on')
})

test('a partition without followers is served whoever hears of its broker', async () => {
  const fixture = await open(IMAGE)
  fixture.isHeard = false
  const waiting = producing(fixture)
  fixture.partition.lapse()
  assert.equal((await fixture.log.finished(waiting)).error, 'NONE')
  assert.equal(await fixture.errorOf({ offset: 1 }), 'NONE')
  assert.deepEqual(await leadersOf(fixture), [1])
})

test('metadata names no leader where this broker may have been replaced', async () => {
  const fixture = await open()
  assert.deepEqual(await leadersOf(fixture), [1])
  fixture.isHeard = false
  assert.deepEqual(await leadersOf(fixture), [-1])
})

async function leadersOf({ parts }: FetchFixture): Promise<number[]> {
  const of = metadata({
    ...parts,
    brokerId: 1,
    config: () => ({}) as never,
    controller: {} as BrokerParts['controller'],
  })
  const { topics } = await call(Metadata, of, { version: 12, request: { topics: [{ name: 't' }] } })
  return topics[0]!.partitions.map(({ leaderId }) => leaderId)
}
