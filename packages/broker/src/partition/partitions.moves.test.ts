/** Replicas that come to a broker that runs, and leave it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testBatch } from '../log/testing.ts'
import { idOf, PartitionsFixture } from '../testing/partitions-fixture.ts'
import { RETRY_MS_MAX, RETRY_MS_MIN } from './offline-logs.ts'

const DELETE_DELAY_MS = 60_000
const HERE = { id: 'T', partitions: 2 }
const ELSEWHERE = { ...HERE, replicas: [2] }

test('a replica that has left is gone at once, its directory soon, and who waits for it is told', async () => {
  const one = new PartitionsFixture()
  await one.open([HERE])
  const partition = one.find('T')
  one.disk.holdSyncs()
  const buffer = testBatch()
  const result = partition.append({ buffer, at: 0, end: buffer.length, acks: -1, timeoutMs: 1000 })
  let woken = 0
  partition.addFetchWaiter({ wake: () => void woken++ })
  await one.time.settle()
  woken = 0
  one.publish([ELSEWHERE])
  assert.deepEqual([one.partitions.find(idOf('T'), 0), one.partitions.find(idOf('T'), 1)], [undefined, undefined])
  assert.equal(woken, 1, 'a parked fetch looks again')
  await assert.rejects(result.kind === 'appended' ? result.done! : Promise.resolve(), {
    error: 'NOT_LEADER_OR_FOLLOWER',
  })
  one.disk.releaseSyncs()
  await one.time.run(DELETE_DELAY_MS - 1)
  assert.deepEqual(one.names(), ['t-0.#-delete', 't-1.#-delete'])
  await one.time.run(1)
  assert.deepEqual(one.names(), [])
  await one.stop()
  assert.equal(one.partitions.closedWhole, true)
})

test('a replica that comes back begins with nothing', async () => {
  const one = new PartitionsFixture()
  await one.open([HERE])
  await one.append(one.find('T'), { count: 5 })
  one.partitions.checkpoint()
  one.publish([ELSEWHERE])
  one.publish([HERE])
  await one.until(one.partitions.opened())
  assert.deepEqual([one.find('T').logEndOffset, one.find('T').highWatermark], [0, 0])
  await one.time.run(DELETE_DELAY_MS)
  assert.deepEqual(one.names(), ['t-0', 't-1'])
})

test('a replica that leaves before its log is open, or while it is opened, leaves nothing behind', async () => {
  for (const isOpening of [false, true]) {
    const one = new PartitionsFixture()
    await one.open([])
    one.publish([{ ...HERE, partitions: 100 }])
    if (isOpening) await one.time.settle()
    one.publish([{ ...ELSEWHERE, partitions: 100 }])
    await one.until(one.partitions.opened())
    await one.time.run(DELETE_DELAY_MS)
    assert.deepEqual([[...one.partitions.all()].length, one.names().length], [0, 0])
  }
})

test('a failed log that leaves is not offline here any more, and not opened anew', async () => {
  for (const delayMs of [0, 5]) {
    const syncDelaysMs: number[] = []
    const one = new PartitionsFixture({ syncDelaysMs })
    await one.open([HERE])
    await one.append(one.find('T'), { count: 2 })
    one.disk.failNext({ operation: 'write', code: 'ENOSPC' })
    await one.refused(one.find('T'))
    assert.equal(one.partitions.isOffline(idOf('T'), 0), true)
    // With a delay its recovery is under way when it leaves.
    syncDelaysMs.push(0, delayMs, delayMs, delayMs)
    if (delayMs > 0) await one.time.run(RETRY_MS_MIN)
    one.publish([ELSEWHERE])
    assert.equal(one.partitions.isOffline(idOf('T'), 0), false)
    await one.time.run(RETRY_MS_MAX + DELETE_DELAY_MS)
    assert.deepEqual(one.names(), [], `${delayMs}`)
    assert.equal(one.partitions.offlineCount, 0)
    await one.stop()
    assert.equal(one.partitions.closedWhole, true)
  }
})

test('what left while the broker was down is put aside at its start', async () => {
  const one = new PartitionsFixture()
  await one.open([HERE])
  await one.append(one.find('T'), { count: 5 })
  await one.open([ELSEWHERE])
  assert.deepEqual(one.names(), ['t-0.#-stray', 't-1.#-stray'])
})
