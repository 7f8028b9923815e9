import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assignOffset } from '@ottla/protocol/records/batch.ts'
import { DEFAULT_LOG_SETTINGS } from '../log/settings.ts'
import { LogFixture, readBatches, testBatch } from '../log/testing.ts'
import { type FollowerHost, FollowerRole } from './follower-role.ts'

const NO_MARKS = { highWatermark: 0, logStartOffset: 0 }

/** A follower's log whose syncs the test holds. */
async function world(options: { writeCaching?: boolean } = {}) {
  const writeCaching = options.writeCaching ?? false
  const parts = new LogFixture({ settings: { ...DEFAULT_LOG_SETTINGS, writeCaching } })
  const log = await parts.finished(parts.open())
  const told: string[] = []
  const follows = { is: true }
  const host: FollowerHost & { highWatermark: number } = {
    ...{ topicName: 't', index: 0, log, logger: parts.logger, highWatermark: 0 },
    advanceHighWatermark: (offset) => {
      host.highWatermark = Math.max(host.highWatermark, offset)
    },
    truncated: (offset) => {
      host.highWatermark = Math.min(host.highWatermark, offset)
      told.push(`truncated ${offset}`)
    },
    lowerRecoveryPoint: (offset) => void told.push(`recovery point ${offset}`),
    advanceLogStart: async (offset) => void told.push(`start ${offset}`),
    follows: () => follows.is,
  }
  const role = new FollowerRole(host)
  const fetched = (from: number, count: number, leaderEpoch: number): Buffer => {
    const batch = testBatch({ count })
    assignOffset(batch, 0, from, leaderEpoch)
    return batch
  }
  const append = async (from: number, count: number, leaderEpoch: number): Promise<void> => {
    await parts.finished(role.appendFetched([fetched(from, count, leaderEpoch)], NO_MARKS))
  }
  return { parts, log, host, role, told, fetched, append, follows }
}

test('a log is settled, and may be fetched from its end, once all of it is synced', async () => {
  const { parts, role, fetched } = await world()
  assert.equal(role.isSettled, true)
  parts.disk.holdSyncs()
  const appending = role.appendFetched([fetched(0, 3, 5)], NO_MARKS)
  await parts.time.settle()
  assert.equal(role.isSettled, false)
  parts.disk.releaseSyncs()
  await parts.finished(appending)
  assert.equal(role.isSettled, true)
  assert.deepEqual(role.fetchPosition, { fetchOffset: 3, lastFetchedEpoch: 5, logStartOffset: 0 })
})

test('with write.caching a log is settled once all of it is written', async () => {
  const { parts, role, fetched } = await world({ writeCaching: true })
  parts.disk.holdSyncs()
  await parts.finished(role.appendFetched([fetched(0, 3, 5)], NO_MARKS))
  assert.deepEqual([role.isSettled, role.fetchPosition.fetchOffset], [true, 3])
  parts.disk.releaseSyncs()
})

test('batches that are here already are let pass, a wrong checksum is not', async () => {
  const { parts, log, role, fetched, append } = await world()
  await append(0, 2, 0)
  const both = Buffer.concat([fetched(0, 2, 0), fetched(2, 2, 0)])
  await parts.finished(role.appendFetched([both], NO_MARKS))
  assert.equal(log.logEndOffset, 4)
  assert.equal((await readBatches(log)).length, 2)
  const damaged = fetched(4, 1, 0)
  damaged[damaged.length - 1]! ^= 1
  await assert.rejects(role.appendFetched([damaged], NO_MARKS), { error: 'CORRUPT_MESSAGE' })
  assert.equal(log.logEndOffset, 4)
})

test('the high watermark follows the leader’s as far as the log goes, and the log’s start too', async () => {
  const { parts, host, role, told, fetched } = await world()
  await parts.finished(role.appendFetched([fetched(0, 4, 0)], { highWatermark: 9, logStartOffset: 2 }))
  assert.equal(host.highWatermark, 4)
  assert.deepEqual(told, ['start 2'])
})

test('a log is cut to where both histories are the same, its recovery point first', async () => {
  const { parts, log, role, told, append } = await world()
  await append(0, 2, 1)
  await append(2, 2, 3)
  await append(4, 2, 3)
  // The leader has epoch 3 up to offset 4, epoch 2 nowhere here, and epoch 1 up to 2.
  await parts.finished(role.truncateToShared({ epoch: 3, endOffset: 4 }))
  assert.deepEqual([log.logEndOffset, told], [4, ['recovery point 4', 'truncated 4']])
  await parts.finished(role.truncateToShared({ epoch: 2, endOffset: 9 }))
  assert.equal(log.logEndOffset, 2, 'ours of epoch 1 end there, and of epoch 2 there are none')
})

test('a log that lies outside of the leader’s is cut to its end, or begun anew at its start', async () => {
  const ahead = await world()
  await ahead.append(0, 4, 0)
  await ahead.append(4, 2, 0)
  await ahead.parts.finished(ahead.role.resetTo({ startOffset: 0, endOffset: 4 }))
  assert.equal(ahead.log.logEndOffset, 4)
  const behind = await world()
  await behind.append(0, 4, 0)
  await behind.parts.finished(behind.role.resetTo({ startOffset: 100, endOffset: 120 }))
  assert.deepEqual([behind.log.logStartOffset, behind.log.logEndOffset], [100, 100])
  assert.deepEqual(behind.told, ['recovery point 0', 'truncated 100'])
})

test('an empty log whose start lies inside the leader’s first batch begins where that batch does', async () => {
  const { parts, log, role, told, fetched } = await world()
  await parts.finished(role.resetTo({ startOffset: 131, endOffset: 160 }))
  told.length = 0
  await parts.finished(role.appendFetched([fetched(119, 21, 5)], { highWatermark: 140, logStartOffset: 131 }))
  assert.deepEqual([log.logStartOffset, log.logEndOffset], [119, 140])
  assert.deepEqual(told, ['recovery point 0', 'truncated 119', 'start 131'])
  await assert.rejects(role.appendFetched([fetched(130, 20, 5)], NO_MARKS), { error: 'CORRUPT_MESSAGE' })
})

test('what an old leader has sent is not taken over by who leads when the log can take it', async () => {
  const { parts, log, role, fetched, follows } = await world()
  await parts.finished(role.resetTo({ startOffset: 5, endOffset: 9 }))
  follows.is = false
  await parts.finished(role.appendFetched([fetched(3, 4, 5)], NO_MARKS))
  assert.equal(log.logEndOffset, 3)
})
