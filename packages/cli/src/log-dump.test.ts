import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BATCH_HEX, run } from './testing.ts'

const SEGMENT = '/d/t-0/00000000000000000000.log'
const BATCH_BYTES = BATCH_HEX.length / 2

function batch(): Buffer {
  return Buffer.from(BATCH_HEX, 'hex')
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

test('batches and records are shown in the names of Kafka’s tool', async () => {
  const { code, out } = await run(['log', 'dump', SEGMENT, '--records'], { [SEGMENT]: batch() })
  assert.equal(code, 0)
  const [path, head, first, ...others] = out.trimEnd().split('\n')
  assert.equal(path, SEGMENT)
  assert.equal(
    head,
    'baseOffset: 0 lastOffset: 2 count: 3 baseSequence: -1 lastSequence: -1 producerId: -1 producerEpoch: -1 ' +
      'partitionLeaderEpoch: -1 isTransactional: false isControl: false position: 0 CreateTime: 1700000000005 ' +
      'size: 118 magic: 2 compresscodec: none crc: 454322050 isvalid: true',
  )
  assert.match(
    first!,
    /^\| offset: 0 CreateTime: 1700000000000 keySize: 2 valueSize: 2 headers: \[\{"key":"h","value":"x"\}.*\] key: "k1" payload: "v1"$/,
  )
  assert.equal(others.length, 2)
})

test('--json is one object a line, with the file; --offset and --limit choose', async () => {
  const args = ['log', 'dump', SEGMENT, '--json', '--records', '--offset', '1', '--limit', '1']
  const { code, out } = await run(args, { [SEGMENT]: batch() })
  assert.equal(code, 0)
  const shown = jsonLines(out).map(({ file, kind, offset, baseOffset }) => [file, kind, offset ?? baseOffset])
  assert.deepEqual(shown, [
    [SEGMENT, 'batch', 0],
    [SEGMENT, 'record', 1],
  ])
})

test('what is damaged is told at its position, what is sound is shown, and the exit code is 1', async () => {
  const flipped = batch()
  flipped.writeUInt8(flipped.at(-1)! ^ 1, BATCH_BYTES - 1)
  const files = { [SEGMENT]: Buffer.concat([flipped, batch(), batch().subarray(0, 100)]) }
  const { code, out, err } = await run(['log', 'dump', SEGMENT], files)
  assert.equal(code, 1)
  assert.match(out, /crc: \d+ isvalid: false\nDAMAGED at 0: the checksum of the batch is wrong\nbaseOffset: 0 .*true\n/)
  assert.match(out, new RegExp(`DAMAGED at ${2 * BATCH_BYTES}: 100 bytes are no whole batch\\n$`))
  assert.match(err, /2 places are damaged/)
})

test('a directory stands for the files in it that can be shown', async () => {
  const index = Buffer.alloc(16)
  index.writeInt32BE(3, 0)
  index.writeInt32BE(500, 4)
  const files = {
    '/d/t-0/00000000000000000040.index': index,
    '/d/t-0/leader-epoch-checkpoint': Buffer.from('0\n1\n2 40\n'),
    '/d/t-0/partition.metadata': Buffer.from('version: 0\n'),
  }
  const { out } = await run(['log', 'dump', '/d/t-0/'], files)
  assert.equal(
    out,
    '/d/t-0/00000000000000000040.index\noffset: 43 position: 500\n' +
      '/d/t-0/leader-epoch-checkpoint\nepoch: 2 startOffset: 40\n',
  )
})

test('any other file is wrong use, one that is not there exit code 4', async () => {
  const other = await run(['log', 'dump', '/d/x.txt'], { '/d/x.txt': Buffer.from('x') })
  assert.equal(other.code, 2)
  assert.match(other.err, /"\/d\/x\.txt" is no \.log/)
  assert.equal((await run(['log', 'dump', SEGMENT])).code, 4)
})
