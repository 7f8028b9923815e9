/** Logs and directories that fail below a broker that runs, and come back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiskError } from '@ottla/base/disk.ts'
import { idOf, PartitionsFixture } from '../testing/partitions-fixture.ts'
import { RETRY_MS_MAX, RETRY_MS_MIN } from './offline-logs.ts'

/** Until the directory of a deleted topic goes. */
const DELETE_DELAY_MS = 60_000

test('a log that failed is opened anew when the disk works, with all that was acknowledged', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', partitions: 2 }])
  await one.append(one.find('T'), { count: 3 })
  const failed = one.find('T')
  one.disk.capacityBytes = 0
  await one.refused(failed)
  await one.refused(failed)
  assert.equal(one.partitions.isOffline(idOf('T'), 0), true)
  await one.time.run(10 * RETRY_MS_MAX)
  assert.equal(one.find('T'), failed, 'the disk is still full')
  one.disk.capacityBytes = Number.MAX_SAFE_INTEGER
  await one.time.run(RETRY_MS_MAX + RETRY_MS_MIN)
  const again = one.find('T')
  assert.equal(one.partitions.isOffline(idOf('T'), 0), false)
  assert.ok(again !== failed && again.logEndOffset >= 3 && again.highWatermark === again.logEndOffset)
  await one.append(again)
  assert.deepEqual(one.failures, [], 'a full disk passes')
  await one.stop()
  assert.equal(one.partitions.closedWhole, true)
  assert.equal(one.time.pendingTimers, 0)
})

test('a full disk is tried with one small file, not by recovering every log', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', partitions: 5 }])
  one.disk.capacityBytes = 0
  for (let index = 0; index < 5; index++) await one.refused(one.find('T', index))
  await one.time.run(RETRY_MS_MAX)
  const read = one.countReads()
  await one.time.run(10 * RETRY_MS_MAX)
  assert.equal(read(), 0, 'no log was opened')
  assert.equal(one.directories[0]!.isOffline, true)
})

test('bytes whose sync failed are written again before they count as durable', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T' }])
  await one.append(one.find('T'), { count: 2 })
  one.disk.failNext({ operation: 'sync', code: 'EIO' })
  await one.refused(one.find('T'), { count: 2 })
  const path = '/data/t-0/00000000000000000000.log'
  const writes = one.countWrites(path)
  await one.time.run(2 * RETRY_MS_MIN)
  assert.equal(one.find('T').logEndOffset, 4)
  assert.ok(writes() >= 1, 'what the kernel may have dropped was written once more')
})

test('a log that fails again and again is tried less and less often, and soon after a good while', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T' }])
  // Its file is open from now on: what counts below are the attempts to open the log anew.
  await one.append(one.find('T'))
  const attempts: number[] = []
  const open = one.disk.open.bind(one.disk)
  one.disk.open = (path, options) => {
    if (!path.endsWith('.log')) return open(path, options)
    attempts.push(one.time.monotonicMs())
    throw new DiskError('broken', 'EIO')
  }
  one.disk.failNext({ operation: 'write', code: 'EIO' })
  await one.refused(one.find('T'))
  await one.time.run(10 * RETRY_MS_MAX)
  const waits = attempts.slice(1).map((ms, at) => ms - attempts[at]!)
  assert.ok(waits[0]! <= 2 * RETRY_MS_MIN && waits.at(-1)! >= RETRY_MS_MAX, `${waits}`)
  assert.ok(attempts.length < 20, `${attempts.length}`)
  one.disk.open = open
  await one.time.run(RETRY_MS_MAX + RETRY_MS_MIN)
  await one.append(one.find('T'))
  await one.time.run(60_000)
  one.disk.failNext({ operation: 'write', code: 'EIO' })
  await one.refused(one.find('T'))
  await one.time.run(2 * RETRY_MS_MIN)
  await one.append(one.find('T'))
})

test('a topic may be deleted while its failed log is opened anew', async () => {
  for (const delayMs of [0, 5]) {
    const syncDelaysMs: number[] = []
    const one = new PartitionsFixture({ syncDelaysMs })
    await one.open([{ id: 'T' }, { id: 'U', name: 'u' }])
    await one.append(one.find('T'), { count: 2 })
    one.disk.failNext({ operation: 'write', code: 'ENOSPC' })
    await one.refused(one.find('T'))
    // The probe is quick, the recovery's sync is under way when the topic goes.
    syncDelaysMs.push(0, delayMs, delayMs, delayMs)
    await one.time.run(RETRY_MS_MIN)
    one.publish([{ id: 'U', name: 'u' }])
    await one.time.run(RETRY_MS_MAX + DELETE_DELAY_MS)
    assert.deepEqual(one.names(), ['u-0'], `${delayMs}`)
    assert.deepEqual(
      one.logger.lines.filter(({ message }) => message.startsWith('Cannot remove')),
      [],
    )
    await one.stop()
    assert.equal(one.partitions.closedWhole, true)
  }
})

test('a broker whose directories have all failed for good is told to stop, one that is full is not', async () => {
  for (const [code, failures] of [
    ['ENOSPC', 0],
    ['EROFS', 0],
    ['EMFILE', 0],
    ['EIO', 1],
  ] as const) {
    const one = new PartitionsFixture({ paths: ['/one', '/two'] })
    await one.open([{ id: 'T', partitions: 2 }])
    one.partitions.keepCheckpoints(100)
    await one.append(one.find('T'))
    one.disk.failNext({ operation: 'create', path: '/one/recovery-point-offset-checkpoint.tmp', code })
    one.disk.failNext({ operation: 'create', path: '/one/.ottla-probe', code })
    await one.time.run(100)
    assert.deepEqual(
      one.directories.map(({ isOffline }) => isOffline),
      [true, false],
      code,
    )
    assert.equal(one.failures.length, 0, 'one directory is left')
    await one.append(one.find('T', 1))
    for (const path of one.paths) {
      one.disk.failNext({ operation: 'create', path: `${path}/recovery-point-offset-checkpoint.tmp`, code })
      one.disk.failNext({ operation: 'create', path: `${path}/.ottla-probe`, code })
    }
    await one.time.run(100)
    assert.equal(one.failures.length > 0, failures > 0, code)
  }
})
