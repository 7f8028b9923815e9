import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BATCH_HEX, run } from './testing.ts'

const SEGMENT = '/data/t-0/00000000000000000000.log'
const BATCH_BYTES = BATCH_HEX.length / 2

/** A partition of two batches of three records, as a broker leaves it that was stopped. */
function dataDirectory(): Record<string, Buffer> {
  const second = Buffer.from(BATCH_HEX, 'hex')
  second.writeBigInt64BE(3n, 0)
  return {
    [SEGMENT]: Buffer.concat([Buffer.from(BATCH_HEX, 'hex'), second]),
    '/data/t-0/00000000000000000000.index': Buffer.alloc(0),
    '/data/t-0/00000000000000000000.timeindex': Buffer.alloc(0),
    '/data/t-0/leader-epoch-checkpoint': Buffer.from('0\n1\n0 0\n'),
    '/data/recovery-point-offset-checkpoint': Buffer.from('0\n1\nt 0 6\n'),
  }
}

/** With a bit of the second batch's last record changed. */
function damagedDirectory(): Record<string, Buffer> {
  const files = dataDirectory()
  files[SEGMENT]!.writeUInt8(files[SEGMENT]!.at(-3)! ^ 1, 2 * BATCH_BYTES - 3)
  return files
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

test('of a directory that is sound nothing is told but how much was read, and the exit code is 0', async () => {
  for (const path of ['/data', '/data/', '/data/t-0', SEGMENT]) {
    const { code, out, err } = await run(['log', 'verify', '--deep', path], dataDirectory())
    assert.deepEqual([code, err], [0, ''], path)
    assert.equal(out, '1 segments, 2 batches, 236 B: 0 damaged, 0 to be built anew, 0 notes\n', path)
  }
})

test('damage is told with file and position, and the exit code is 1', async () => {
  for (const path of ['/data', '/data/t-0', SEGMENT]) {
    const { code, out, err } = await run(['log', 'verify', path], damagedDirectory())
    assert.equal(code, 1, path)
    assert.match(
      out,
      new RegExp(`^damage ${SEGMENT} at ${BATCH_BYTES}: the checksum of the batch of offset 3 is wrong`),
    )
    assert.match(err, /1 place is damaged/)
  }
})

test('--json tells the same as an object a line, the sums last', async () => {
  const { code, out } = await run(['log', 'verify', '--json', '/data'], damagedDirectory())
  assert.equal(code, 1)
  const [finding, last, ...others] = jsonLines(out)
  assert.deepEqual([finding!.file, finding!.position, finding!.severity], [SEGMENT, BATCH_BYTES, 'damage'])
  assert.deepEqual(last, {
    summary: { partitions: 1, segments: 1, batches: 2, bytes: 236, damages: 1, rebuilt: 0, notes: 0 },
  })
  assert.deepEqual(others, [])
})

test('what a start builds anew is told and is no failure; several paths are one sum', async () => {
  const files = dataDirectory()
  delete files['/data/t-0/00000000000000000000.index']
  const { code, out } = await run(['log', 'verify', '/data/t-0', SEGMENT], files)
  assert.equal(code, 0)
  assert.match(out, /^rebuilt .*\.index: the index is missing/)
  assert.match(out, /2 segments, 4 batches.*: 0 damaged, 2 to be built anew/)
})

test('a path that is not there is exit code 4', async () => {
  assert.equal((await run(['log', 'verify', '/nowhere'], dataDirectory())).code, 4)
})
