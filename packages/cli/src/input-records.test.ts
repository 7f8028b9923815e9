import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from './arguments.ts'
import { InputError, jsonLines, type LineOptions, parseHeaders, plainLines } from './input-records.ts'

const plain: LineOptions = { keySeparator: null, nullMarker: null, headers: [], partition: null }

test('a plain line is a value, byte for byte', () => {
  const line = Buffer.from([0, 255, 13])
  assert.deepEqual(plainLines(plain)(line, 1), { value: line })
})

test('a key ends at the first separator; a line without one has no key', () => {
  const parse = plainLines({ ...plain, keySeparator: Buffer.from('::') })
  assert.deepEqual(parse(Buffer.from('a::b::c'), 1), { key: Buffer.from('a'), value: Buffer.from('b::c') })
  assert.deepEqual(parse(Buffer.from('abc'), 1), { value: Buffer.from('abc') })
  assert.throws(() => plainLines({ ...plain, keySeparator: Buffer.alloc(0) }), UsageError)
})

test('the null marker makes a tombstone, on either side', () => {
  const parse = plainLines({ ...plain, keySeparator: Buffer.from('\t'), nullMarker: Buffer.from('NULL') })
  assert.deepEqual(parse(Buffer.from('k\tNULL'), 1), { key: Buffer.from('k'), value: null })
  assert.deepEqual(parse(Buffer.from('NULL\tv'), 1), { key: null, value: Buffer.from('v') })
})

test('headers and partition of the command line go into every record', () => {
  const headers = parseHeaders(['a=1', 'a=2=3'])
  assert.deepEqual(plainLines({ ...plain, headers, partition: 4 })(Buffer.from('v'), 1), {
    value: Buffer.from('v'),
    headers: [
      { key: 'a', value: '1' },
      { key: 'a', value: '2=3' },
    ],
    partition: 4,
  })
})

test('a JSON line may give every part of a record, and what consume wrote is read back', () => {
  const parse = jsonLines({ headers: [], partition: null })
  const line =
    '{"topic":"t","partition":1,"offset":7,"timestamp":5,"key":null,"value":{"base64":"/wA="},"headers":[{"key":"h","value":null}]}'
  assert.deepEqual(parse(Buffer.from(line), 1), {
    key: null,
    value: Buffer.from([255, 0]),
    headers: [{ key: 'h', value: null }],
    partition: 1,
    timestampMs: 5,
  })
  assert.deepEqual(parse(Buffer.from('{"value":"v","headers":{"a":"b"},"timestamp":"2023-11-14T22:13:20Z"}'), 1), {
    key: null,
    value: 'v',
    headers: [{ key: 'a', value: 'b' }],
    timestampMs: 1_700_000_000_000,
  })
})

test('a wrong JSON line is reported by its number and its fault', () => {
  const parse = jsonLines({ headers: [], partition: null })
  const wrong = [
    '',
    '[]',
    '{"value":1}',
    '{"value":{"a":1}}',
    '{"partition":-1}',
    '{"timestamp":"soon"}',
    '{"headers":3}',
    '{"headers":[{}]}',
  ]
  for (const line of wrong)
    assert.throws(
      () => parse(Buffer.from(line), 12),
      (error) => error instanceof InputError && /^Line 12: /.test(error.message),
      line,
    )
})
