import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { diskContract } from './disk-contract.ts'
import { CrashError } from './disk-gate.ts'
import { FakeTime } from './fake-time.ts'
import { MemoryDisk, type MemoryDiskOptions } from './memory-disk.ts'
import { seededRandom } from './random.ts'

const SECTOR = 512
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed)

function withRoot(options?: MemoryDiskOptions): MemoryDisk {
  const disk = new MemoryDisk(options)
  disk.makeDirectory('/data')
  disk.syncAll()
  return disk
}

diskContract('MemoryDisk that cannot crash', () => ({ disk: withRoot(), root: '/data' }))
diskContract('MemoryDisk that can crash', () => ({ disk: withRoot({ random: seededRandom(1) }), root: '/data' }))

/** What is in the file after a crash, one text for each seed. */
function outcomes(prepare: (disk: MemoryDisk) => void): string[] {
  return SEEDS.map((seed) => {
    const disk = withRoot({ random: seededRandom(seed) })
    prepare(disk)
    disk.crash()
    return disk.exists('/data/a') ? disk.readFile('/data/a').toString('latin1') : 'none'
  })
}

/** A file of whole sectors, one letter each, written by a single call. */
function sectors(letters: string): Buffer {
  return Buffer.concat([...letters].map((letter) => Buffer.alloc(SECTOR, letter)))
}

/** The first letter of each sector. */
function letters(content: string): string {
  return [...content]
    .filter((_, index) => index % SECTOR === 0)
    .join('')
    .replaceAll('\0', '-')
}

describe('MemoryDisk at a crash', () => {
  test('keeps what was synced, whatever came later', () => {
    const contents = outcomes((disk) => {
      const file = disk.open('/data/a', { create: true })
      disk.syncDirectory('/data')
      file.write(sectors('abc'), 0)
      file.syncNow()
      file.write(sectors('def'), 3 * SECTOR)
    })
    for (const content of contents) assert.equal(letters(content).slice(0, 3), 'abc')
  })

  test('loses, keeps, tears and reorders what was appended and not synced', () => {
    const contents = outcomes((disk) => {
      const file = disk.open('/data/a', { create: true })
      disk.syncDirectory('/data')
      file.write(sectors('abc'), 0)
    })
    const seen = new Set(contents.map(letters))
    for (const possible of ['', 'a', 'ab', 'abc', '-bc', 'a-c'])
      assert.ok(seen.has(possible), `"${possible}" never came`)
    for (const outcome of seen) assert.match(outcome, /^[a-]?[b-]?[c-]?$/)
  })

  test('brings an old sector back or keeps the new one, whole', () => {
    const contents = outcomes((disk) => {
      const file = disk.open('/data/a', { create: true })
      file.write(sectors('abc'), 0)
      file.syncNow()
      disk.syncDirectory('/data')
      file.write(sectors('XYZ'), 0)
    })
    const seen = new Set(contents.map(letters))
    assert.equal(seen.size, 8)
    for (const content of contents) {
      for (let start = 0; start < content.length; start += SECTOR) {
        assert.equal(new Set(content.slice(start, start + SECTOR)).size, 1)
      }
    }
  })

  test('may undo a truncation, and brings back only what was there', () => {
    const contents = outcomes((disk) => {
      const file = disk.open('/data/a', { create: true })
      file.write(sectors('abc'), 0)
      file.syncNow()
      disk.syncDirectory('/data')
      file.truncate(SECTOR)
    })
    assert.deepEqual(new Set(contents.map((content) => content.length)), new Set([SECTOR, 3 * SECTOR]))
    assert.ok(contents.map(letters).includes('abc'))
  })

  test('a sync covers what was written before it began, not what came while it ran', async () => {
    for (const seed of SEEDS) {
      const disk = withRoot({ random: seededRandom(seed) })
      const file = disk.open('/data/a', { create: true })
      disk.syncDirectory('/data')
      disk.holdSyncs()
      file.write(sectors('a'), 0)
      const first = file.sync()
      file.write(sectors('b'), SECTOR)
      disk.releaseSyncs()
      await first
      disk.crash()
      assert.match(letters(disk.readFile('/data/a').toString('latin1')), /^a[b-]?$/)
    }
  })

  test('after a failed sync the bytes become durable by writing them again, and not by asking again', async () => {
    for (const isWrittenAgain of [false, true]) {
      for (const seed of SEEDS) {
        const disk = withRoot({ random: seededRandom(seed) })
        const file = disk.open('/data/a', { create: true })
        disk.syncDirectory('/data')
        file.write(sectors('a'), 0)
        disk.failNext({ operation: 'sync', code: 'EIO' })
        await assert.rejects(file.sync(), { code: 'EIO' })
        if (isWrittenAgain) file.write(sectors('a'), 0)
        await file.sync()
        disk.crash()
        assert.equal(letters(disk.readFile('/data/a').toString('latin1')), isWrittenAgain ? 'a' : '-')
      }
    }
  })

  test('a new name may be gone until its directory was synced', () => {
    const create = (disk: MemoryDisk) => disk.open('/data/a', { create: true }).syncNow()
    assert.deepEqual(new Set(outcomes(create)), new Set(['none', '']))
    const durable = (disk: MemoryDisk) => {
      create(disk)
      disk.syncDirectory('/data')
    }
    assert.deepEqual(new Set(outcomes(durable)), new Set(['']))
  })

  test('a rename has happened or not, and never half', () => {
    const seen = new Set(
      SEEDS.map((seed) => {
        const disk = withRoot({ random: seededRandom(seed) })
        disk.replaceFile('/data/old', Buffer.from('x'))
        disk.rename('/data/old', '/data/new')
        disk.crash()
        return disk
          .list('/data')
          .map(({ name }) => name)
          .join()
      }),
    )
    assert.deepEqual(seen, new Set(['old', 'new']))
  })

  test('a removed file may come back with its content', () => {
    const contents = outcomes((disk) => {
      disk.replaceFile('/data/a', Buffer.from('x'))
      disk.remove('/data/a')
    })
    assert.deepEqual(new Set(contents), new Set(['x', 'none']))
  })

  test('replaceFile after a failed one is durable all the same: it uses another file', () => {
    for (const seed of SEEDS) {
      const disk = withRoot({ random: seededRandom(seed) })
      disk.failNext({ operation: 'sync', code: 'EIO' })
      assert.throws(() => disk.replaceFile('/data/a', Buffer.from('lost')), { code: 'EIO' })
      disk.replaceFile('/data/a', Buffer.from('kept'))
      disk.crash()
      assert.equal(disk.readFile('/data/a').toString(), 'kept')
    }
  })

  test('replaceFile leaves the old or the new content at each point of it', () => {
    const contents = new Set<string>()
    for (const seed of SEEDS) {
      const disk = withRoot({ random: seededRandom(seed) })
      disk.replaceFile('/data/a', Buffer.from('old'))
      disk.crashAtOperation(disk.operations + 1 + (seed % 6))
      assert.throws(() => disk.replaceFile('/data/a', Buffer.from('new')), CrashError)
      disk.crash()
      contents.add(disk.readFile('/data/a').toString())
    }
    assert.deepEqual(contents, new Set(['old', 'new']))
  })

  test('the same seed gives the same outcome', () => {
    const run = () =>
      outcomes((disk) => {
        const file = disk.open('/data/a', { create: true })
        for (let index = 0; index < 20; index++) file.write(Buffer.alloc(700, 65 + index), index * 700)
      })
    assert.deepEqual(run(), run())
  })

  test('files, locks and syncs of the life before are stale', async () => {
    const disk = withRoot({ random: seededRandom(3) })
    disk.replaceFile('/data/a', Buffer.from('x'))
    const file = disk.open('/data/a')
    disk.lockDirectory('/data')
    disk.holdSyncs()
    const pending = assert.rejects(file.sync(), { code: 'ESTALE' })
    disk.crash()
    await pending
    assert.throws(() => file.write(Buffer.from('y'), 0), { code: 'ESTALE' })
    file.close()
    disk.lockDirectory('/data').release()
    disk.open('/data/a').syncNow()
  })

  test('space is what the files that survived take', () => {
    const disk = withRoot({ random: seededRandom(4), capacityBytes: 10_000 })
    disk.replaceFile('/data/a', Buffer.alloc(1_000))
    const removed = disk.open('/data/b', { create: true })
    removed.write(Buffer.alloc(2_000), 0)
    disk.remove('/data/b')
    disk.syncDirectory('/data')
    assert.equal(disk.space('/data').usableBytes, 7_000)
    disk.crash()
    assert.equal(disk.space('/data').usableBytes, 9_000)
  })
})

describe('MemoryDisk with faults', () => {
  test('crashAtOperation stops at exactly that operation and stays stopped until the crash', async () => {
    const disk = withRoot({ random: seededRandom(5) })
    const file = disk.open('/data/a', { create: true })
    disk.crashAtOperation(disk.operations + 3)
    file.write(Buffer.from('1'), 0)
    await file.sync()
    await assert.rejects(file.sync(), CrashError)
    assert.throws(() => file.readSync(Buffer.alloc(1), 0), CrashError)
    assert.throws(() => disk.list('/data'), CrashError)
    disk.crash()
    assert.throws(() => file.readSync(Buffer.alloc(1), 0), { code: 'ESTALE' })
    disk.list('/data')
  })

  test('a full disk takes a prefix, says ENOSPC and has room again when a file has gone', () => {
    const disk = withRoot({ capacityBytes: 1_000 })
    const file = disk.open('/data/a', { create: true })
    file.write(Buffer.alloc(600, 'a'), 0)
    assert.throws(() => file.write(Buffer.alloc(600, 'b'), 600), { code: 'ENOSPC' })
    assert.equal(file.size(), 1_000)
    assert.throws(() => file.truncate(1_001), { code: 'ENOSPC' })
    assert.throws(() => file.write(Buffer.from('c'), 5_000), { code: 'ENOSPC' })
    assert.deepEqual(disk.space('/data'), { totalBytes: 1_000, usableBytes: 0 })
    disk.remove('/data/a')
    assert.equal(disk.space('/data').usableBytes, 0, 'an open file keeps its space')
    file.close()
    assert.equal(disk.space('/data').usableBytes, 1_000)
  })

  test('injected errors hit the operation and the path that they name, once', () => {
    const disk = withRoot()
    const [a, b] = ['/data/a', '/data/b'].map((path) => disk.open(path, { create: true }))
    disk.failNext({ operation: 'write', path: '/data/b', code: 'EIO' })
    a!.write(Buffer.from('x'), 0)
    assert.throws(() => b!.write(Buffer.from('x'), 0), { name: 'DiskError', code: 'EIO' })
    b!.write(Buffer.from('x'), 0)
  })

  test('a read-only disk reads and does not change', () => {
    const disk = withRoot()
    disk.replaceFile('/data/a', Buffer.from('x'))
    disk.readOnly = true
    assert.equal(disk.readFile('/data/a').toString(), 'x')
    for (const change of [() => disk.remove('/data/a'), () => disk.open('/data/b', { create: true })]) {
      assert.throws(change, { code: 'EROFS' })
    }
  })

  test('syncs take as long as they are told to', async () => {
    const time = new FakeTime()
    const disk = withRoot({ syncDelay: { timers: time, delayMs: () => 5 }, clock: time })
    const file = disk.open('/data/a', { create: true })
    let done = false
    void file.sync().then(() => {
      done = true
    })
    await time.run(4)
    assert.equal(done, false)
    await time.run(1)
    assert.equal(done, true)
  })
})
