import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from './arguments.ts'
import { ByteSink } from './byte-sink.ts'
import { compileFormat, type PrintableRecord, type RecordWriter, writeJson } from './format.ts'

const record: PrintableRecord = {
  topic: 't',
  partition: 3,
  offset: 12,
  timestampMs: 1700,
  key: Buffer.from('k'),
  value: Buffer.from([0xff, 0x00]),
  headers: [
    { key: 'a', value: Buffer.from('1') },
    { key: 'b', value: null },
  ],
}

function written(writer: RecordWriter, of: PrintableRecord = record): string {
  const sink = new ByteSink()
  writer(of, sink)
  return sink.take().toString('latin1')
}

test('every letter writes its part and bytes leave as they came', () => {
  assert.equal(written(compileFormat('%t %p %o %T %k %K %S %h %%\\n')), 't 3 12 1700 k 1 2 a=1,b= %\n')
  assert.equal(written(compileFormat('%v|%s\\x01')), '\xff\0|\xff\0\x01')
})

test('null keys and values write nothing, and their sizes tell them from empty ones', () => {
  const nulls = { ...record, key: null, value: Buffer.alloc(0) }
  assert.equal(written(compileFormat('[%k][%v]%K,%S'), nulls), '[][]-1,0')
})

test('an unknown letter is a usage error', () => {
  assert.throws(() => compileFormat('%q'), UsageError)
  assert.throws(() => compileFormat('100%'), UsageError)
})

test('JSON keeps null, text and bytes apart', () => {
  assert.deepEqual(JSON.parse(written(writeJson)), {
    topic: 't',
    partition: 3,
    offset: 12,
    timestamp: 1700,
    key: 'k',
    value: { base64: '/wA=' },
    headers: [
      { key: 'a', value: '1' },
      { key: 'b', value: null },
    ],
  })
})

test('a sink grows for a part that is larger than its block and hands over bytes that stay', () => {
  const sink = new ByteSink()
  sink.text('é'.repeat(400_000))
  assert.ok(sink.isFull)
  const first = sink.take()
  sink.text('x')
  assert.equal(first.toString(), 'é'.repeat(400_000))
  assert.equal(sink.take().toString(), 'x')
})
