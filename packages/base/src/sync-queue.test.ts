import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Deferred, deferred } from './deferred.ts'
import { DiskError, type DiskFile } from './disk.ts'
import { MemoryDisk } from './memory-disk.ts'
import { SyncQueue } from './sync-queue.ts'

/** Files whose syncs begin in a known order and end when the test says so. */
function manualFiles(names: Iterable<string>) {
  const started: string[] = []
  const running = new Map<string, Deferred<void>>()
  const disk = new MemoryDisk()
  const files = new Map<string, DiskFile>()
  for (const directory of ['/one', '/two']) disk.makeDirectory(directory)
  for (const name of names) {
    const file = disk.open(`/${name}`, { create: true })
    file.sync = () => {
      assert.equal(running.has(name), false, `Two syncs of "${name}" at once`)
      started.push(name)
      const sync = deferred<void>()
      running.set(name, sync)
      return sync.promise
    }
    files.set(name, file)
  }
  const take = (name: string) => {
    const sync = running.get(name)
    assert.ok(sync, `No sync of "${name}" is running`)
    running.delete(name)
    return sync
  }
  return { started, running, file: (name: string) => files.get(name)!, take }
}

/** Long enough for every promise that is settled by now to have been acted on. */
const settled = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

describe('SyncQueue', () => {
  test('a sync resolves only by a sync that started after it was asked for', async () => {
    const { started, file, take } = manualFiles('a')
    const queue = new SyncQueue()
    const done: string[] = []
    void queue.sync(file('a')).then(() => done.push('first'))
    void queue.sync(file('a')).then(() => done.push('second'))
    void queue.sync(file('a')).then(() => done.push('third'))
    take('a').resolve()
    await settled()
    assert.deepEqual(done, ['first'])
    assert.deepEqual(started, ['a', 'a'])
    take('a').resolve()
    await settled()
    assert.deepEqual(done, ['first', 'second', 'third'])
    assert.deepEqual(started, ['a', 'a'])
    assert.deepEqual([queue.requests.value, queue.syncs.value], [3, 2])
  })

  test('a directory whose syncs do not end does not hold up another’s', async () => {
    const { started, file, take } = manualFiles(['one/a', 'one/b', 'one/c', 'two/a'])
    const queue = new SyncQueue({ concurrency: 4, directories: ['/one', '/two'] })
    for (const name of ['one/a', 'one/b', 'one/c', 'two/a']) void queue.sync(file(name))
    assert.deepEqual(started, ['one/a', 'one/b', 'two/a'])
    assert.deepEqual([queue.runningSyncs, queue.waitingFiles], [3, 1])
    take('two/a').resolve()
    await settled()
    assert.deepEqual(started, ['one/a', 'one/b', 'two/a'], 'what one leaves free is not the other’s')
    take('one/b').resolve()
    await settled()
    assert.equal(started.at(-1), 'one/c')
  })

  test('no more syncs run at once than allowed', async () => {
    const { running, file, take } = manualFiles('abcd')
    const queue = new SyncQueue({ concurrency: 2 })
    for (const name of 'abcd') void queue.sync(file(name))
    assert.deepEqual([...running.keys()], ['a', 'b'])
    assert.deepEqual([queue.runningSyncs, queue.waitingFiles], [2, 2])
    take('b').resolve()
    await settled()
    assert.deepEqual([...running.keys()], ['a', 'c'])
  })

  test('a busy file waits behind the others each time', async () => {
    const { started, file, take } = manualFiles('abc')
    const queue = new SyncQueue({ concurrency: 1 })
    for (const name of 'abc') void queue.sync(file(name))
    void queue.sync(file('a'))
    for (const name of 'abca') {
      take(name).resolve()
      await settled()
    }
    assert.deepEqual(started.join(''), 'abca')
    assert.deepEqual([queue.runningSyncs, queue.waitingFiles], [0, 0])
  })

  test('requests that wait for their turn share one sync', async () => {
    const { started, file, take } = manualFiles('ab')
    const queue = new SyncQueue({ concurrency: 1 })
    void queue.sync(file('a'))
    const waiting = [queue.sync(file('b')), queue.sync(file('b'))]
    assert.equal(waiting[0], waiting[1])
    take('a').resolve()
    await settled()
    take('b').resolve()
    await Promise.all(waiting)
    assert.deepEqual(started, ['a', 'b'])
  })

  test('a failed sync rejects all that shared it, and nobody else', async () => {
    const { file, take } = manualFiles('ab')
    const queue = new SyncQueue({ concurrency: 2 })
    const error = new DiskError('Cannot sync', 'EIO')
    const failing = queue.sync(file('a'))
    const later = queue.sync(file('a'))
    const other = queue.sync(file('b'))
    take('a').reject(error)
    await assert.rejects(failing, error)
    take('a').resolve()
    take('b').resolve()
    await Promise.all([later, other])
    assert.deepEqual([queue.failures.value, queue.syncs.value], [1, 2])
  })

  test('a file can be closed once its sync has ended', async () => {
    const disk = new MemoryDisk()
    const file = disk.open('/a', { create: true })
    const queue = new SyncQueue()
    await queue.sync(file)
    file.close()
    await assert.rejects(queue.sync(file), { code: 'EBADF' })
  })
})
