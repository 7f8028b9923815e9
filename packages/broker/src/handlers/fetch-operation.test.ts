import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorName } from '@ottla/protocol/errors.ts'
import { answerOf, FetchFixture as Fixture, IMAGE, SHARE_BYTES } from '../testing/fetch-fixture.ts'
import { ConnectionCloseError } from './connection-close.ts'

test('what a reply holds is counted in the share until it is released', async () => {
  const fixture = await Fixture.open()
  await fixture.append(1000, 3)
  const { bytes, release } = await fixture.fetch()
  assert.ok(bytes > 3000)
  assert.equal(fixture.share.usedBytes, bytes)
  release()
  assert.equal(fixture.share.usedBytes, 0)
})

test('a fetch takes at most a quarter of what is free, so that there is something for the next', async () => {
  const fixture = await Fixture.open()
  await fixture.append(100_000, 60)
  const first = await fixture.fetch()
  assert.ok(first.bytes <= SHARE_BYTES / 4 && first.bytes > SHARE_BYTES / 4 - 200_000)
  const second = await fixture.fetch()
  assert.ok(second.bytes <= (SHARE_BYTES - first.bytes) / 4 && second.bytes > 1_000_000)
  first.release()
  second.release()
  assert.equal(fixture.share.usedBytes, 0)
})

test('a share that is used up still serves one batch, then one fetch of a connection at a time', async () => {
  const fixture = await Fixture.open()
  await fixture.append(100_000, 3)
  fixture.share.add(SHARE_BYTES + 5)
  const fetched = await fixture.fetch({ minBytes: 1_000_000, maxWaitMs: 1000 })
  assert.ok(fetched.bytes > 100_000 && fetched.bytes < 200_000, 'and does not wait for more than it can get')
  assert.notEqual(fetched.ordered, null)
  fetched.release()
  fixture.share.remove(SHARE_BYTES + 5)
  const free = await fixture.fetch()
  assert.equal(free.ordered, null)
  free.release()
})

test('reads of history that run at one time do not each take the same free bytes', async () => {
  const fixture = await Fixture.open({ shareBytes: 2_000_000, tailBytesMax: 200_000 })
  for (let i = 0; i < 3; i++) await fixture.append(10_000, 100)
  const running = [fixture.begin(), fixture.begin(), fixture.begin()]
  assert.equal(fixture.share.usedBytes, 500_000 + 375_000 + 281_250, 'reserved until the file has been read')
  await fixture.log.time.settle()
  const sizes = running.map(({ response }) => {
    const { records } = response!.responses[0]!.partitions[0]!
    return (records as Buffer[]).reduce((sum, part) => sum + part.length, 0)
  })
  assert.ok(sizes[0]! > 480_000 && sizes[0]! <= 500_000, `${sizes}`)
  assert.ok(sizes[1]! <= 375_000 && sizes[2]! <= 281_250, `${sizes}`)
  for (const { release } of running) release()
  assert.equal(fixture.share.usedBytes, 0)
})

test('a fetch that waits holds nothing of the share', async () => {
  const fixture = await Fixture.open()
  await fixture.append(1000)
  const running = fixture.begin({ minBytes: 100_000, maxWaitMs: 1000 })
  await fixture.log.time.settle()
  assert.deepEqual([running.response, fixture.share.usedBytes], [undefined, 0])
  await fixture.log.time.run(1000)
  assert.ok(running.response && fixture.share.usedBytes > 1000)
  running.release()
  assert.equal(fixture.share.usedBytes, 0)
})

test('a follower that wants more than there is waits for it, and holds up nobody meanwhile', async () => {
  const fixture = await Fixture.open({ image: { ...IMAGE, replicas: [1, 2] } })
  await fixture.append(1000)
  const asked = { follower: 2, version: 17, minBytes: 2000, maxWaitMs: 1000 }
  const running = fixture.begin(asked)
  await fixture.log.time.settle()
  assert.equal(running.response, undefined)
  await fixture.append(1000)
  assert.equal(answerOf(running)?.errorCode, 0, 'Then it is answered at once')
  running.release()
})

test('a client that goes is not answered, and what was read for it is given back', async () => {
  const fixture = await Fixture.open()
  await fixture.append(1000)
  const running = fixture.begin({ minBytes: 100_000, maxWaitMs: 1000 })
  await fixture.log.time.settle()
  fixture.close()
  await fixture.log.time.settle()
  // No reply at all would let those behind it pass for it, where the broker stops and has not closed yet.
  assert.ok(running.error instanceof ConnectionCloseError)
  // As the dispatcher does with an answer that is none.
  running.release()
  assert.deepEqual([fixture.share.usedBytes, fixture.log.time.pendingTimers], [0, 0])
})

test('a waiting fetch whose partition goes away is woken', async () => {
  const fixture = await Fixture.open()
  const running = fixture.begin({ maxWaitMs: 1000 })
  await fixture.log.time.settle()
  fixture.isHere = false
  fixture.partition.resign()
  await fixture.log.time.settle()
  assert.equal(errorName(running.response!.responses[0]!.partitions[0]!.errorCode), 'NOT_LEADER_OR_FOLLOWER')
})

test('a waiting fetch whose partition gets another leader is told so', async () => {
  const fixture = await Fixture.open()
  const running = fixture.begin({ maxWaitMs: 1000, currentLeaderEpoch: 0 })
  await fixture.log.time.settle()
  fixture.partition.update({ ...IMAGE, leader: 2, isr: [2], replicas: [1, 2], leaderEpoch: 1, partitionEpoch: 1 })
  await fixture.log.time.settle()
  assert.equal(errorName(running.response!.responses[0]!.partitions[0]!.errorCode), 'FENCED_LEADER_EPOCH')
})

test('epochs are compared with the leader’s: older ones are fenced, histories that part are told where', async () => {
  const fixture = await Fixture.open()
  await fixture.append(10, 4)
  fixture.partition.update({ ...IMAGE, leaderEpoch: 3, partitionEpoch: 1 })
  await fixture.append(10, 2)
  const error = (currentLeaderEpoch: number) => fixture.errorOf({ currentLeaderEpoch })
  assert.deepEqual(
    [await error(2), await error(3), await error(4)],
    ['FENCED_LEADER_EPOCH', 'NONE', 'UNKNOWN_LEADER_EPOCH'],
  )
  const rows: [lastFetchedEpoch: number, offset: number, expected: unknown][] = [
    [0, 4, undefined],
    [0, 5, { epoch: 0, endOffset: 4 }],
    [1, 4, { epoch: 0, endOffset: 4 }],
    [3, 6, undefined],
    [3, 7, { epoch: 3, endOffset: 6 }],
  ]
  for (const [lastFetchedEpoch, offset, expected] of rows) {
    const { partition, bytes } = await fixture.fetch({ lastFetchedEpoch, offset })
    assert.deepEqual(
      [partition.errorCode, partition.divergingEpoch],
      [0, expected],
      `epoch ${lastFetchedEpoch} at ${offset}`,
    )
    if (expected) assert.equal(bytes, 0)
  }
  assert.equal(await fixture.errorOf({ lastFetchedEpoch: 4, offset: 1 }), 'OFFSET_OUT_OF_RANGE')
})

test('several moves of the high watermark in one turn wake a fetch once', async () => {
  const fixture = await Fixture.open()
  const running = fixture.begin({ maxWaitMs: 1000 })
  await fixture.log.time.settle()
  await fixture.append(10, 20)
  assert.equal((running.response!.responses[0]!.partitions[0]!.records as Buffer[]).length, 1, 'all twenty in one read')
  running.release()
  assert.equal(fixture.log.time.pendingTimers, 0)
})
