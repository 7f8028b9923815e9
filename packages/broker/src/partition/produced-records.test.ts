import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sealCrc } from '@ottla/protocol/records/batch.ts'
import { batchOf } from '../testing/still-world.ts'
import { checkProducedRecords, startsTransactional } from './produced-records.ts'

function outcome(records: Buffer, zstdAllowed = true): string {
  const checked = checkProducedRecords(records, { zstdAllowed })
  return 'error' in checked ? checked.error : `${checked.at}..${checked.end}`
}

function withByte(at: number, value: number): Buffer {
  const batch = batchOf()
  batch.writeInt8(value, at)
  return batch
}

function withLength(length: number): Buffer {
  const batch = batchOf()
  batch.writeInt32BE(length, 8)
  return batch
}

test('exactly one whole batch of version 2 is taken', () => {
  const batch = batchOf()
  const rows: [name: string, records: Buffer, expected: string][] = [
    ['one batch', batch, `0..${batch.length}`],
    ['nothing', Buffer.alloc(0), 'INVALID_RECORD'],
    ['two batches', Buffer.concat([batch, batch]), 'INVALID_RECORD'],
    ['half a batch', batch.subarray(0, batch.length - 1), 'INVALID_RECORD'],
    ['a batch and the beginning of another', Buffer.concat([batch, batch.subarray(0, 40)]), `0..${batch.length}`],
    ['a batch and a few bytes', Buffer.concat([batch, Buffer.alloc(10)]), `0..${batch.length}`],
    ['message set version 0', withByte(16, 0), 'INVALID_RECORD'],
    ['message set version 1', withByte(16, 1), 'INVALID_RECORD'],
    ['a version that is not known', withByte(16, 3), 'CORRUPT_MESSAGE'],
    ['a negative version', withByte(16, -1), 'CORRUPT_MESSAGE'],
    ['a negative length', withLength(-1), 'CORRUPT_MESSAGE'],
    ['a length of nearly nothing', withLength(13), 'CORRUPT_MESSAGE'],
    ['a length below the header', withLength(40), 'CORRUPT_MESSAGE'],
    ['an absurd length', withLength(0x7fff_ffff), 'INVALID_RECORD'],
  ]
  for (const [name, records, expected] of rows) assert.equal(outcome(records), expected, name)
})

test('zstd is taken where the request’s version may carry it, and is the first thing that is said', () => {
  const batch = batchOf({ codec: 'zstd' })
  assert.equal(outcome(batch), `0..${batch.length}`)
  assert.equal(outcome(batch, false), 'UNSUPPORTED_COMPRESSION_TYPE')
  assert.equal(outcome(Buffer.concat([batch, batch]), false), 'UNSUPPORTED_COMPRESSION_TYPE')
})

test('no beginning of a batch and no changed byte of a header makes it fail otherwise', () => {
  const batch = batchOf()
  for (let end = 0; end < batch.length; end++) outcome(batch.subarray(0, end))
  for (let at = 0; at < 61; at++) for (const value of [-128, -1, 0, 127]) outcome(withByte(at, value))
})

test('a transaction’s batch is known by its flag, whatever follows it', () => {
  const batch = batchOf({ transactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 })
  assert.equal(startsTransactional(batch), true)
  assert.equal(startsTransactional(Buffer.concat([batch, batch])), true)
  assert.equal(startsTransactional(batchOf()), false)
  assert.equal(startsTransactional(batch.subarray(0, 60)), false)
  batch.writeUInt16BE(0, 21)
  sealCrc(batch, 0)
  assert.equal(startsTransactional(batch), false)
})
