/**
 * Owns control batches: one uncompressed record that no consumer is shown and that takes one offset.
 *
 * | part  | bytes                                                                                                   |
 * | ----- | ------------------------------------------------------------------------------------------------------- |
 * | key   | int16 version = 0, int16 type: 0 ABORT, 1 COMMIT, 2 LEADER_CHANGE, 3 SNAPSHOT_HEADER, 4 SNAPSHOT_FOOTER, |
 * |       | 5 KRAFT_VERSION, 6 KRAFT_VOTERS                                                                         |
 * | value | int16 version, message; of ABORT and COMMIT (EndTxnMarker): int32 coordinatorEpoch                      |
 *
 * Both may grow behind these fields in later versions; what is there then is ignored.
 */
import { assert } from '@ottla/base/assert.ts'
import { BATCH_OVERHEAD, batchAttributes, isControl } from './batch.ts'
import { readRecords } from './record.ts'
import { RecordFormatError } from './record-cursor.ts'

export const CONTROL_ABORT = 0
export const CONTROL_COMMIT = 1

const KEY_BYTES_MIN = 4
const TYPE_AT = 2
const VERSION_BYTES = 2
const END_TRANSACTION_VALUE_BYTES = 6

/** A transaction's marker, or a record that only Kafka's own controllers and snapshots write. */
export type ControlRecord =
  | {
      readonly kind: 'end-transaction'
      readonly offset: number
      readonly commit: boolean
      readonly coordinatorEpoch: number
    }
  | { readonly kind: 'other'; readonly offset: number; readonly type: number; readonly value: Buffer | null }

/** The record of the control batch that the buffer starts with. Throws RecordFormatError where it is malformed. */
export function readControlRecord(batch: Buffer): ControlRecord {
  assert(batch.length >= BATCH_OVERHEAD && isControl(batchAttributes(batch, 0)), 'This is a control batch')
  const [record, ...others] = readRecords(batch)
  if (record === undefined || others.length > 0) throw malformed('it does not hold one record')
  const { key, value, offset } = record
  if (key === null || key.length < KEY_BYTES_MIN) throw malformed('its key is too short')
  const type = key.readInt16BE(TYPE_AT)
  if (type !== CONTROL_ABORT && type !== CONTROL_COMMIT) return { kind: 'other', offset, type, value }
  if (value === null || value.length < END_TRANSACTION_VALUE_BYTES) throw malformed('its value is too short')
  const coordinatorEpoch = value.readInt32BE(VERSION_BYTES)
  return { kind: 'end-transaction', offset, commit: type === CONTROL_COMMIT, coordinatorEpoch }
}

/** The key of an end-transaction marker, version 0. */
export function endTransactionKey(commit: boolean): Buffer {
  const key = Buffer.alloc(KEY_BYTES_MIN)
  key.writeInt16BE(commit ? CONTROL_COMMIT : CONTROL_ABORT, TYPE_AT)
  return key
}

/** The value of an end-transaction marker, version 0. */
export function endTransactionValue(coordinatorEpoch: number): Buffer {
  const value = Buffer.alloc(END_TRANSACTION_VALUE_BYTES)
  value.writeInt32BE(coordinatorEpoch, VERSION_BYTES)
  return value
}

function malformed(reason: string): RecordFormatError {
  return new RecordFormatError(`Cannot read control batch: ${reason}`)
}
