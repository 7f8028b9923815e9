import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assignOffset } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import {
  baseOffsetOf,
  type LogEnd,
  type LoggedBatch,
  logFileKind,
  readCheckpoint,
  readOffsetIndex,
  readProducerSnapshot,
  recordsOfBatch,
  scanLog,
} from './log-files.ts'

function batch(baseOffset: number, value: string): Buffer {
  const builder = new BatchBuilder({ codec: 'gzip' })
  builder.append({ timestampMs: 5, key: 'k', value })
  const bytes = Buffer.from(builder.build())
  assignOffset(bytes, 0, baseOffset, 3)
  return bytes
}

async function scan(bytes: Buffer, step: number): Promise<{ batches: LoggedBatch[]; end: LogEnd }> {
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
  }
  const scanning = scanLog(chunks())
  const batches: LoggedBatch[] = []
  let next = await scanning.next()
  for (; next.done !== true; next = await scanning.next()) batches.push(next.value)
  return { batches, end: next.value }
}

test('batches are found wherever the stream was cut', async () => {
  const bytes = Buffer.concat([batch(0, 'a'), batch(1, 'b'.repeat(1000)), batch(2, 'c')])
  for (const step of [1, 7, 61, 100, 10_000]) {
    const { batches, end } = await scan(bytes, step)
    assert.deepEqual(
      batches.map(({ header, codec, isCrcValid }) => [header.baseOffset, codec, isCrcValid]),
      [
        [0, 'gzip', true],
        [1, 'gzip', true],
        [2, 'gzip', true],
      ],
    )
    assert.deepEqual(end, { position: bytes.length, problem: 'none', bytesLeft: 0 })
    assert.equal(String(recordsOfBatch(batches[2]!)[0]!.value), 'c')
  }
})

test('a torn end, damage and a wrong checksum are told apart', async () => {
  const first = batch(0, 'a')
  const torn = await scan(Buffer.concat([first, batch(1, 'b').subarray(0, 70)]), 1000)
  assert.deepEqual(torn.end, { position: first.length, problem: 'incomplete', bytesLeft: 70 })
  const garbled = await scan(Buffer.concat([first, Buffer.alloc(100, 9)]), 1000)
  assert.equal(garbled.end.problem, 'malformed')
  const flipped = Buffer.from(first)
  flipped[flipped.length - 1]! ^= 1
  assert.equal((await scan(flipped, 1000)).batches[0]!.isCrcValid, false)
})

test('files are known by their names', () => {
  assert.equal(logFileKind('/d/t-0/00000000000000000042.log'), 'log')
  assert.equal(logFileKind('00000000000000000042.timeindex.deleted'), 'timeindex')
  assert.equal(logFileKind('/d/leader-epoch-checkpoint'), 'checkpoint')
  assert.equal(logFileKind('/d/meta.properties'), null)
  assert.equal(baseOffsetOf('/d/t-0/00000000000000000042.log'), 42)
})

test('an index is read up to the zeros behind it, a checkpoint is checked against its count', () => {
  const index = Buffer.alloc(32)
  index.writeInt32BE(3, 0)
  index.writeInt32BE(500, 4)
  assert.deepEqual(readOffsetIndex(index, 40), [{ offset: 43, position: 500 }])
  assert.deepEqual(readCheckpoint(Buffer.from('0\n2\nt 0 5\nu 1 6\n')), {
    version: '0',
    isComplete: true,
    entries: [
      ['t', '0', '5'],
      ['u', '1', '6'],
    ],
  })
  assert.equal(readCheckpoint(Buffer.from('0\n2\nt 0 5\n')).isComplete, false)
})

test('a snapshot whose count does not fit its bytes is refused', () => {
  const bytes = Buffer.alloc(10)
  bytes.writeInt32BE(1_000_000, 6)
  assert.throws(() => readProducerSnapshot(bytes), RangeError)
})
