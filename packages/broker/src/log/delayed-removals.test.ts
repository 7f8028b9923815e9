import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { DelayedRemovals } from './delayed-removals.ts'

/** Removals end when the test says so. */
class SlowDisk extends MemoryDisk {
  readonly removing: { path: string; done: Deferred<void> }[] = []

  override async removeTree(path: string): Promise<void> {
    const done = deferred<void>()
    this.removing.push({ path, done })
    await done.promise
    await super.removeTree(path)
  }
}

function setUp(disk: MemoryDisk) {
  const time = new FakeTime()
  const logger = new MemoryLogger()
  for (let i = 0; i < 10; i++) disk.open(`/${i}`, { create: true }).close()
  return { time, logger, removals: new DelayedRemovals({ disk, timers: time, logger }) }
}

function namesOf(disk: MemoryDisk): string {
  return disk
    .list('/')
    .map(({ name }) => name)
    .join('')
}

test('what is removed later is asked for and removed when its delay is over', async () => {
  const disk = new MemoryDisk()
  const { time, removals } = setUp(disk)
  removals.after(100, () => ['/3', '/4'])
  removals.after(50, () => ['/5'])
  await time.run(49)
  assert.equal(namesOf(disk), '0123456789')
  await time.run(1)
  assert.equal(namesOf(disk), '012346789')
  assert.equal(removals.count, 1)
  await time.run(50)
  assert.equal(namesOf(disk), '0126789')
  assert.equal(removals.count, 0)
})

test('a few are removed at a time', async () => {
  const disk = new SlowDisk()
  const { time, removals } = setUp(disk)
  removals.remove(['/0', '/1', '/2', '/3', '/4', '/5'])
  await time.settle()
  assert.deepEqual([disk.removing.length, removals.count], [4, 6])
  disk.removing[1]!.done.resolve()
  await time.settle()
  assert.equal(disk.removing.at(-1)!.path, '/4')
  for (const { done } of disk.removing) done.resolve()
  await time.settle()
  disk.removing.at(-1)!.done.resolve()
  await removals.idle()
  assert.equal(namesOf(disk), '6789')
})

test('a stop waits for no delay, and leaves nothing', async () => {
  const disk = new MemoryDisk()
  const { time, removals } = setUp(disk)
  removals.after(Number.MAX_SAFE_INTEGER, () => ['/3'])
  for (let i = 0; i < 10; i++) removals.after(1000, () => [`/${i}`])
  await removals[Symbol.asyncDispose]()
  assert.equal(namesOf(disk), '')
  assert.deepEqual([time.pendingTimers, removals.count], [0, 0])
})

test('what the disk refuses to remove is told, and keeps nothing else from going', async () => {
  const disk = new MemoryDisk()
  const { time, logger, removals } = setUp(disk)
  disk.failNext({ operation: 'remove', path: '/3', code: 'EIO' })
  removals.remove(['/3', '/4', '/missing'])
  await time.settle()
  assert.equal(namesOf(disk), '012356789')
  assert.deepEqual(
    logger.lines.map(({ level, fields }) => [level, fields['path']]),
    [['warn', '/3']],
  )
})
