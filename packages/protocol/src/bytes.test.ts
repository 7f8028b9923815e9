import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  byReferenceBytesMin,
  DecodeError,
  EncodeError,
  elementsMax,
  Reader,
  stringBytesMax,
  Writer,
  ZERO_UUID,
} from './bytes.ts'

const hexOf = (write: (writer: Writer) => void): string => {
  const writer = new Writer(1)
  write(writer)
  return writer.toBuffer().toString('hex')
}
const readerOf = (hex: string): Reader => new Reader(Buffer.from(hex, 'hex'))

test('integers are big-endian and keep their extremes', () => {
  const rows = [
    ['int8', [-128, -1, 0, 127], 1],
    ['int16', [-32768, -1, 0, 258, 32767], 2],
    ['uint16', [0, 258, 65535], 2],
    ['int32', [-(2 ** 31), -1, 0, 0x01020304, 2 ** 31 - 1], 4],
    ['uint32', [0, 0x01020304, 2 ** 32 - 1], 4],
    ['int64', [Number.MIN_SAFE_INTEGER, -1, 0, 2 ** 32, Number.MAX_SAFE_INTEGER], 8],
  ] as const
  for (const [type, values, bytes] of rows) {
    for (const value of values) {
      const hex = hexOf((writer) => writer[type](value))
      assert.equal(BigInt.asUintN(bytes * 8, BigInt(value)), BigInt(`0x${hex}`), `${type} ${value}`)
      assert.equal(readerOf(hex)[type](), value)
    }
  }
})

test('values that do not fit their type are EncodeErrors, missing ones too', () => {
  const wrong: ((writer: Writer) => void)[] = [
    (writer) => writer.int8(128),
    (writer) => writer.int16(-32769),
    (writer) => writer.uint16(-1),
    (writer) => writer.int32(2 ** 31),
    (writer) => writer.int32(1.5),
    (writer) => writer.int32(undefined as never),
    (writer) => writer.uint32(-1),
    (writer) => writer.int64(2 ** 53),
    (writer) => writer.int64(Number.NaN),
    (writer) => writer.bigint64(2n ** 63n),
    (writer) => writer.bigint64(5 as never),
    (writer) => writer.float64('1' as never),
    (writer) => writer.uvarint(2 ** 32),
    (writer) => writer.varint(2 ** 31),
    (writer) => writer.varlong(2n ** 63n),
    (writer) => writer.bool(1 as never),
    (writer) => writer.uuid('short'),
    (writer) => writer.uuid('!'.repeat(22)),
    (writer) => writer.classicString(undefined as never),
    (writer) => writer.classicString('x'.repeat(stringBytesMax + 1)),
    (writer) => writer.compactString('é'.repeat(stringBytesMax / 2 + 1)),
    (writer) => writer.classicBytes('text' as never),
  ]
  for (const write of wrong) assert.throws(() => hexOf(write), EncodeError, write.toString())
})

test('an int64 beyond 2^53 is refused, saturated or kept, as the field asks', () => {
  const [longMax, longMin, justBeyond] = ['7fffffffffffffff', '8000000000000000', '0020000000000000']
  for (const hex of [longMax, longMin, justBeyond, 'ffe0000000000000']) {
    assert.throws(() => readerOf(hex).int64(), DecodeError)
  }
  assert.equal(readerOf(longMax).int64Saturating(), Number.MAX_SAFE_INTEGER)
  assert.equal(readerOf(justBeyond).int64Saturating(), Number.MAX_SAFE_INTEGER)
  assert.equal(readerOf(longMin).int64Saturating(), Number.MIN_SAFE_INTEGER)
  assert.equal(readerOf('ffe0000000000001').int64Saturating(), Number.MIN_SAFE_INTEGER)
  assert.equal(readerOf(longMax).bigint64(), 2n ** 63n - 1n)
})

test('varints are those of Kafka', () => {
  const golden = [
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [63, '7e'],
    [-64, '7f'],
    [64, '8001'],
    [2147483647, 'feffffff0f'],
    [-2147483648, 'ffffffff0f'],
  ] as const
  for (const [value, hex] of golden) {
    assert.equal(
      hexOf((writer) => writer.varint(value)),
      hex,
    )
    assert.equal(readerOf(hex).varint(), value)
    assert.equal(readerOf(hex).varlong(), value)
    assert.equal(readerOf(hex).bigvarlong(), BigInt(value))
  }
  for (const [value, hex] of [
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [2 ** 32 - 1, 'ffffffff0f'],
  ] as const) {
    assert.equal(
      hexOf((writer) => writer.uvarint(value)),
      hex,
    )
    assert.equal(readerOf(hex).uvarint(), value)
  }
})

test('varlongs reach 64 bits, as numbers only up to 2^53', () => {
  for (const value of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 40n, -(2n ** 31n) - 1n, 2n ** 28n]) {
    const hex = hexOf((writer) => writer.varlong(value))
    assert.equal(readerOf(hex).bigvarlong(), value)
    if (Number.isSafeInteger(Number(value))) assert.equal(readerOf(hex).varlong(), Number(value))
    else assert.throws(() => readerOf(hex).varlong(), DecodeError)
  }
  assert.equal(
    hexOf((writer) => writer.varlong(2n ** 63n - 1n)),
    'feffffffffffffffff01',
  )
})

test('a varint never wraps and is never longer than its type', () => {
  for (const hex of ['ffffffff10', 'ffffffff7f', 'ffffffff8f01', '8080808080']) {
    assert.throws(() => readerOf(hex).uvarint(), DecodeError, hex)
  }
  for (const hex of ['ffffffffffffffffff02', 'ffffffffffffffffff81', '8080808080808080808001']) {
    assert.throws(() => readerOf(hex).bigvarlong(), DecodeError, hex)
  }
})

test('reading past the end is a DecodeError and moves nothing', () => {
  const reader = new Reader(Buffer.alloc(10), 2, 5)
  assert.throws(() => reader.int32(), DecodeError)
  assert.equal(reader.at, 2)
  assert.throws(() => reader.bytes(4), DecodeError)
  assert.throws(() => reader.utf8(4), DecodeError)
  assert.throws(() => reader.skip(-1), DecodeError)
  assert.equal(reader.bytes(3).length, 3)
  assert.equal(reader.remaining, 0)
})

test('bytes are read as views, not copied', () => {
  const buffer = Buffer.from('00000002aabb', 'hex')
  const view = new Reader(buffer).classicBytes()
  buffer[4] = 0xcc
  assert.equal(view.toString('hex'), 'ccbb')
})

test('strings of all lengths and scripts come back, short ASCII ones included', () => {
  const texts = ['', 'a', 'x'.repeat(24), 'x'.repeat(25), 'é', 'grüße', '日本語', '🦋', 'x'.repeat(stringBytesMax)]
  for (const text of texts) {
    const writer = new Writer(1)
    writer.classicString(text)
    writer.compactString(text)
    writer.compactNullableString(null)
    writer.classicNullableString(null)
    const reader = new Reader(writer.toBuffer())
    assert.equal(reader.classicString(), text)
    assert.equal(reader.compactString(), text)
    assert.equal(reader.compactNullableString(), null)
    assert.equal(reader.classicNullableString(), null)
    reader.finish()
  }
})

test('a compact string that Java would refuse is refused', () => {
  const reader = new Reader(Buffer.concat([Buffer.from('818002', 'hex'), Buffer.alloc(0x8000)]))
  assert.throws(() => reader.compactString(), /32767 is the most/)
})

test('uuids are base64url text, the zero one without making text', () => {
  const hex = '00000000000000000000000000000001'
  for (const [bytes, text] of [
    [hex, 'AAAAAAAAAAAAAAAAAAAAAQ'],
    ['00'.repeat(16), ZERO_UUID],
    ['fb'.repeat(16), '-_v7-_v7-_v7-_v7-_v7-w'],
  ] as const) {
    assert.equal(readerOf(bytes).uuid(), text)
    assert.equal(
      hexOf((writer) => writer.uuid(text)),
      bytes,
    )
  }
  assert.equal(
    readerOf(`00${'ff'.repeat(14)}00`).uuid(),
    Buffer.from(`00${'ff'.repeat(14)}00`, 'hex').toString('base64url'),
  )
})

test('the element budget admits its maximum and not one element more', () => {
  const count = (elements: number): Reader => {
    const writer = new Writer()
    writer.classicCount(elements)
    return new Reader(Buffer.concat([writer.toBuffer(), Buffer.alloc(elements)]))
  }
  assert.equal(count(elementsMax).classicCount(1), elementsMax)
  assert.throws(() => count(elementsMax + 1).classicCount(1), DecodeError)
  const reader = count(elementsMax)
  reader.classicCount(1)
  reader.reset(Buffer.from('0000000100', 'hex'))
  assert.equal(reader.classicCount(1), 1)
})

test('large byte fields are kept by reference, small ones copied, and the parts are the message', () => {
  const large = Buffer.alloc(byReferenceBytesMin, 1)
  const small = Buffer.alloc(byReferenceBytesMin - 1, 2)
  const writer = new Writer(16)
  writer.int32(0)
  writer.compactBytes([large, small])
  writer.int8(9)
  writer.patchInt32(0, writer.bytes)
  const parts = writer.parts()
  assert.equal(parts.length, 3)
  assert.equal(parts[1], large)
  const total = 4 + 2 + large.length + small.length + 1
  assert.equal(writer.bytes, total)
  assert.equal(Buffer.concat(parts).readInt32BE(0), total)
  const reader = new Reader(Buffer.concat(parts), 4)
  assert.deepEqual(reader.compactBytes(), Buffer.concat([large, small]))
  assert.equal(reader.int8(), 9)
  reader.finish()
})

test('parts handed out stay as they are when the writer is used again', () => {
  const writer = new Writer(64)
  const messages: Buffer[][] = []
  for (let index = 0; index < 100; index++) {
    writer.reset()
    writer.int32(index)
    writer.classicString(`message ${index}`)
    messages.push(writer.parts())
  }
  for (const [index, parts] of messages.entries()) {
    const reader = new Reader(Buffer.concat(parts))
    assert.equal(reader.int32(), index)
    assert.equal(reader.classicString(), `message ${index}`)
    reader.finish()
  }
})

test('a sized section carries its size in front, whatever its length and however deep', () => {
  for (const length of [0, 1, 126, 127, 128, 3000, 20_000]) {
    const writer = new Writer(8)
    writer.int8(1)
    const outer = writer.beginSized()
    const inner = writer.beginSized()
    writer.raw(Buffer.alloc(length, 5))
    writer.endSized(inner)
    writer.endSized(outer)
    writer.int8(2)
    const reader = new Reader(writer.toBuffer())
    assert.equal(reader.int8(), 1)
    const section = new Reader(reader.bytes(reader.uvarint()))
    assert.deepEqual(section.bytes(section.uvarint()), Buffer.alloc(length, 5))
    section.finish()
    assert.equal(reader.int8(), 2)
    reader.finish()
  }
})

test('an int32 behind a referenced part can be patched too', () => {
  const writer = new Writer()
  writer.raw(Buffer.alloc(byReferenceBytesMin))
  const position = writer.bytes
  writer.int32(0)
  writer.patchInt32(position, 7)
  assert.equal(writer.toBuffer().readInt32BE(position), 7)
})

test('an empty message has no parts', () => {
  assert.deepEqual(new Writer().parts(), [])
  assert.equal(new Writer().toBuffer().length, 0)
})
