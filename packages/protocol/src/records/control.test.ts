import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatchBuilder } from './batch-builder.ts'
import { readControlRecord } from './control.ts'
import { goldenAbort, goldenCommit, goldenPlain } from './golden.fixture.ts'
import { RecordFormatError } from './record-cursor.ts'

function controlBatch(...records: { key: Buffer | null; value: Buffer | null }[]): Buffer {
  const builder = new BatchBuilder()
  for (const { key, value } of records) builder.append({ timestampMs: 0, key, value })
  return builder.build({ control: true })
}

test('the end of a transaction is told from its marker', () => {
  const common = { kind: 'end-transaction', offset: 100, coordinatorEpoch: 2 }
  assert.deepEqual(readControlRecord(goldenCommit), { ...common, commit: true })
  assert.deepEqual(readControlRecord(goldenAbort), { ...common, commit: false })
})

test('control records of other types keep their type and value', () => {
  const value = Buffer.from('00000001', 'hex')
  assert.deepEqual(readControlRecord(controlBatch({ key: Buffer.from('00000002', 'hex'), value })), {
    kind: 'other',
    offset: 0,
    type: 2,
    value,
  })
})

test('a malformed marker is a typed error', () => {
  const key = Buffer.from('00000001', 'hex')
  const value = Buffer.from('000000000002', 'hex')
  const malformed = [
    controlBatch({ key: null, value }),
    controlBatch({ key: key.subarray(0, 3), value }),
    controlBatch({ key, value: null }),
    controlBatch({ key, value: value.subarray(0, 5) }),
    controlBatch({ key, value }, { key, value }),
  ]
  for (const batch of malformed) assert.throws(() => readControlRecord(batch), RecordFormatError)
  assert.throws(() => readControlRecord(goldenPlain), /control batch/)
})
