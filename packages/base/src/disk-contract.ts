/** What every Disk promises while nothing crashes, as a suite that each implementation runs. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Disk, DiskError } from './disk.ts'

/** A disk and an empty directory on it. */
export interface DiskUnderTest {
  readonly disk: Disk
  readonly root: string
}

export function diskContract(name: string, makeDisk: () => DiskUnderTest): void {
  describe(name, () => {
    files(makeDisk)
    names(makeDisk)
    wholeFiles(makeDisk)
    locks(makeDisk)
  })
}

function files(makeDisk: () => DiskUnderTest): void {
  test('what was written is read back, whatever its position and size', async () => {
    const { disk, root } = makeDisk()
    const file = disk.open(`${root}/a`, { create: true })
    const big = Buffer.alloc(1_000_003, 'abcdefg')
    file.write(Buffer.from('head'), 0)
    file.write(big, 4)
    file.write(Buffer.from('HE'), 0)
    const expected = Buffer.concat([Buffer.from('HEad'), big])
    assert.equal(file.size(), expected.length)
    const into = Buffer.alloc(expected.length + 10, 'x')
    assert.equal(file.readSync(into, 0), expected.length)
    assert.ok(into.subarray(0, expected.length).equals(expected))
    into.fill('x')
    assert.equal(await file.read(into, 2), expected.length - 2)
    assert.ok(into.subarray(0, expected.length - 2).equals(expected.subarray(2)))
    file.close()
  })

  test('reading at or behind the end answers 0', async () => {
    const { disk, root } = makeDisk()
    const file = disk.open(`${root}/a`, { create: true })
    file.write(Buffer.from('abc'), 0)
    assert.equal(file.readSync(Buffer.alloc(4), 3), 0)
    assert.equal(await file.read(Buffer.alloc(4), 1_000_000), 0)
    file.close()
  })

  test('a gap that was never written reads as zeros', () => {
    const { disk, root } = makeDisk()
    const file = disk.open(`${root}/a`, { create: true })
    file.write(Buffer.from('end'), 300_000)
    const into = Buffer.alloc(10, 'x')
    assert.equal(file.readSync(into, 299_995), 8)
    assert.deepEqual(into.toString('latin1'), '\0\0\0\0\0endxx')
    file.close()
  })

  test('truncate cuts, and grows with zeros instead of what was cut', () => {
    const { disk, root } = makeDisk()
    const file = disk.open(`${root}/a`, { create: true })
    file.write(Buffer.alloc(200_000, 'a'), 0)
    file.truncate(3)
    assert.equal(file.size(), 3)
    file.truncate(5)
    assert.deepEqual(disk.readFile(`${root}/a`).toString('latin1'), 'aaa\0\0')
    file.write(Buffer.from('b'), 150_000)
    assert.equal(
      disk
        .readFile(`${root}/a`)
        .subarray(3, 150_000)
        .every((byte) => byte === 0),
      true,
    )
    file.close()
  })

  test('syncs of both kinds succeed on files with and without content', async () => {
    const { disk, root } = makeDisk()
    const file = disk.open(`${root}/a`, { create: true })
    await file.sync()
    file.write(Buffer.from('a'), 0)
    await Promise.all([file.sync(), file.sync()])
    file.syncNow()
    file.close()
  })

  test('a file that is missing, only read or closed refuses', async () => {
    const { disk, root } = makeDisk()
    assert.throws(() => disk.open(`${root}/a`), isError('ENOENT'))
    assert.throws(() => disk.open(`${root}/no/a`, { create: true }), isError('ENOENT'))
    disk.open(`${root}/a`, { create: true }).close()
    const file = disk.open(`${root}/a`, { readOnly: true })
    assert.throws(() => file.write(Buffer.from('a'), 0), DiskError)
    assert.throws(() => file.truncate(0), DiskError)
    file.close()
    file.close()
    assert.throws(() => file.readSync(Buffer.alloc(1), 0), isError('EBADF'))
    await assert.rejects(file.sync(), isError('EBADF'))
    await assert.rejects(file.read(Buffer.alloc(1), 0), isError('EBADF'))
  })

  test('a file that was removed or renamed stays usable where it is open', () => {
    const { disk, root } = makeDisk()
    const file = disk.open(`${root}/a`, { create: true })
    file.write(Buffer.from('abc'), 0)
    disk.rename(`${root}/a`, `${root}/b`)
    disk.remove(`${root}/b`)
    file.write(Buffer.from('def'), 3)
    const into = Buffer.alloc(6)
    assert.equal(file.readSync(into, 0), 6)
    assert.equal(into.toString(), 'abcdef')
    file.close()
  })
}

function names(makeDisk: () => DiskUnderTest): void {
  test('list answers sorted names with their kind', () => {
    const { disk, root } = makeDisk()
    for (const name of ['b', 'a10', 'a2', 'B']) disk.open(`${root}/${name}`, { create: true }).close()
    disk.makeDirectory(`${root}/c/d`)
    const listed = disk.list(root).map(({ name, isDirectory }) => (isDirectory ? `${name}/` : name))
    assert.deepEqual(listed, ['B', 'a10', 'a2', 'b', 'c/'])
    assert.deepEqual(disk.list(`${root}/c`), [{ name: 'd', isDirectory: true }])
    assert.throws(() => disk.list(`${root}/none`), isError('ENOENT'))
    assert.throws(() => disk.list(`${root}/a2`), isError('ENOTDIR'))
  })

  test('a directory may be made again, but not where a file is', () => {
    const { disk, root } = makeDisk()
    disk.makeDirectory(`${root}/a/b`)
    disk.makeDirectory(`${root}/a/b`)
    disk.open(`${root}/f`, { create: true }).close()
    assert.throws(() => disk.makeDirectory(`${root}/f`), isError('EEXIST'))
  })

  test('rename replaces a file and moves a directory with all it holds', () => {
    const { disk, root } = makeDisk()
    disk.replaceFile(`${root}/a`, Buffer.from('new'))
    disk.replaceFile(`${root}/b`, Buffer.from('old'))
    disk.rename(`${root}/a`, `${root}/b`)
    assert.equal(disk.readFile(`${root}/b`).toString(), 'new')
    assert.equal(disk.exists(`${root}/a`), false)
    disk.makeDirectory(`${root}/x/y`)
    disk.rename(`${root}/b`, `${root}/x/y/b`)
    disk.rename(`${root}/x`, `${root}/z`)
    assert.equal(disk.readFile(`${root}/z/y/b`).toString(), 'new')
    assert.throws(() => disk.rename(`${root}/x`, `${root}/w`), isError('ENOENT'))
    disk.makeDirectory(`${root}/x`)
    assert.throws(() => disk.rename(`${root}/x`, `${root}/z`), isError('ENOTEMPTY'))
  })

  test('remove takes one file, removeTree everything', async () => {
    const { disk, root } = makeDisk()
    disk.makeDirectory(`${root}/a/b`)
    disk.replaceFile(`${root}/a/b/f`, Buffer.from('x'))
    disk.remove(`${root}/a/b/f`)
    assert.throws(() => disk.remove(`${root}/a/b/f`), isError('ENOENT'))
    disk.replaceFile(`${root}/a/b/f`, Buffer.from('x'))
    await disk.removeTree(`${root}/a`)
    assert.equal(disk.exists(`${root}/a`), false)
    await disk.removeTree(`${root}/a`)
  })

  test('stat answers the size, or null where nothing is', () => {
    const { disk, root } = makeDisk()
    disk.replaceFile(`${root}/a`, Buffer.from('abc'))
    assert.equal(disk.stat(`${root}/a`)?.size, 3)
    assert.ok((disk.stat(`${root}/a`)?.modifiedMs ?? 0) > 0)
    assert.equal(disk.stat(`${root}/none`), null)
  })

  test('directories sync, and space is known', () => {
    const { disk, root } = makeDisk()
    disk.syncDirectory(root)
    assert.throws(() => disk.syncDirectory(`${root}/none`), isError('ENOENT'))
    const { totalBytes, usableBytes } = disk.space(root)
    assert.ok(usableBytes > 0 && usableBytes <= totalBytes)
  })
}

function wholeFiles(makeDisk: () => DiskUnderTest): void {
  test('replaceFile makes and replaces a file and leaves nothing else behind', () => {
    const { disk, root } = makeDisk()
    disk.replaceFile(`${root}/a`, Buffer.alloc(100_000, 'a'))
    disk.replaceFile(`${root}/a`, Buffer.from('short'))
    assert.equal(disk.readFile(`${root}/a`).toString(), 'short')
    assert.deepEqual(disk.list(root), [{ name: 'a', isDirectory: false }])
    assert.throws(() => disk.readFile(`${root}/none`), isError('ENOENT'))
  })

  test('replaceFile is not misled by what an earlier crash left', () => {
    const { disk, root } = makeDisk()
    const left = disk.open(`${root}/a.tmp`, { create: true })
    left.write(Buffer.alloc(1_000, 'x'), 0)
    left.close()
    disk.replaceFile(`${root}/a`, Buffer.from('new'))
    assert.equal(disk.readFile(`${root}/a`).toString(), 'new')
  })
}

function locks(makeDisk: () => DiskUnderTest): void {
  test('a directory has one holder at a time', () => {
    const { disk, root } = makeDisk()
    const first = disk.lockDirectory(root)
    assert.throws(() => disk.lockDirectory(root), isError('ELOCKED'))
    first.release()
    const second = disk.lockDirectory(root)
    first.release()
    assert.throws(() => disk.lockDirectory(root), isError('ELOCKED'))
    second.release()
  })

  test('a lock leaves one empty file and no other', () => {
    const { disk, root } = makeDisk()
    const lock = disk.lockDirectory(root)
    assert.deepEqual(disk.list(root), [{ name: '.lock', isDirectory: false }])
    assert.equal(disk.stat(`${root}/.lock`)?.size, 0)
    lock.release()
  })

  test('a directory that is missing cannot be locked', () => {
    const { disk, root } = makeDisk()
    assert.throws(() => disk.lockDirectory(`${root}/none`), DiskError)
  })
}

function isError(code: string): (error: DiskError) => boolean {
  return (error) => error instanceof DiskError && error.code === code
}
