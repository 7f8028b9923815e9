/** Batches that a broker must refuse, each spoiled in one way and otherwise sound. */
import { BATCH_OVERHEAD, sealCrc } from '@ottla/protocol/records/batch.ts'
import { batchOf } from './cluster.ts'

const LENGTH_AT = 8
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 22
const LAST_OFFSET_DELTA_AT = 23
const RECORD_COUNT_AT = 57
/** Behind the record's length (one byte for short records) and its attributes. */
const GZIP = 1
const CONTROL = 0x20

export function wrongCrc(): Buffer {
  const batch = batchOf(['value'])
  batch[CRC_AT]! ^= 0xff
  return batch
}

/** The first record claims to be longer than the batch. */
export function brokenRecord(): Buffer {
  const batch = batchOf(['value'])
  batch[BATCH_OVERHEAD] = 0x7e
  return sealed(batch)
}

export function wrongCount(): Buffer {
  const batch = batchOf(['one', 'two'])
  batch.writeInt32BE(3, RECORD_COUNT_AT)
  batch.writeInt32BE(2, LAST_OFFSET_DELTA_AT)
  return sealed(batch)
}

export function noRecords(): Buffer {
  const batch = batchOf(['value']).subarray(0, BATCH_OVERHEAD)
  batch.writeInt32BE(BATCH_OVERHEAD - 12, LENGTH_AT)
  batch.writeInt32BE(0, RECORD_COUNT_AT)
  return sealed(batch)
}

/** Says gzip, holds none. */
export function brokenCompression(): Buffer {
  const batch = batchOf(['value'])
  batch[ATTRIBUTES_AT]! |= GZIP
  return sealed(batch)
}

export function controlBatch(): Buffer {
  const batch = batchOf(['value'])
  batch[ATTRIBUTES_AT]! |= CONTROL
  return sealed(batch)
}

export function oldMagic(magic: 0 | 1): Buffer {
  const batch = batchOf(['value'])
  batch[MAGIC_AT] = magic
  return batch
}

export function twoBatches(): Buffer {
  return Buffer.concat([batchOf(['one']), batchOf(['two'])])
}

/** Larger than max.message.bytes is by default, in one incompressible record. */
export function tooLarge(): Buffer {
  return batchOf([Buffer.alloc(1_100_000, 'x')])
}

function sealed(batch: Buffer): Buffer {
  sealCrc(batch, 0)
  return batch
}
