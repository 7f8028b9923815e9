import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode, encode, ProtobufError, type Table } from './protobuf.ts'

const Inner = { id: [1, 'id'], name: [2, 'text'] } as const satisfies Table
const Outer = {
  count: [1, 'int'],
  isSet: [2, 'flag'],
  bytes: [3, 'bytes'],
  inner: [11, Inner],
  inners: [12, [Inner]],
  names: [300, ['text']],
} as const satisfies Table

test('a message is the bytes that the specification shows', () => {
  assert.equal(encode({ a: [1, 'int'] }, { a: 150 }).toString('hex'), '089601')
  assert.equal(encode({ b: [2, 'text'] }, { b: 'testing' }).toString('hex'), '120774657374696e67')
  assert.equal(encode({ c: [3, { a: [1, 'int'] }] }, { c: { a: 150 } }).toString('hex'), '1a03089601')
})

test('what is written is what is read', () => {
  const id = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  const inner = fc.record({ id, name: fc.string({ unit: 'grapheme' }) }, { noNullPrototype: true })
  const outer = fc.record(
    {
      count: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      isSet: fc.boolean(),
      bytes: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      inner: fc.option(inner),
      inners: fc.array(inner),
      names: fc.array(fc.string()),
    },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(outer, (message) => {
      const { inner: one, ...rest } = message
      assert.deepEqual(decode(Outer, encode(Outer, one === null ? rest : { ...rest, inner: one })), message)
    }),
  )
})

test('fields that are not there are zero, fields that are not known are skipped', () => {
  const message = { count: 0, isSet: false, bytes: Buffer.alloc(0), inner: null, inners: [], names: [] }
  assert.deepEqual(decode(Outer, Buffer.alloc(0)), message)
  const unknown = Buffer.from('f80601f1060102030405060708f20602aabbf50601020304', 'hex')
  assert.deepEqual(decode(Outer, unknown), message)
})

const HOSTILE: readonly (readonly [what: string, hex: string])[] = [
  ['a varint without end', `08${'ff'.repeat(11)}`],
  ['a number beyond 2^53', '08ffffffffffffffff7f'],
  ['a length beyond the message', '1aff01'],
  ['a length beyond 2^53', '1affffffffffffffff7f'],
  ['a tag without a value', '08'],
  ['a wire type that there is not', '0f'],
  ['a number where bytes should be', '1801'],
]

for (const [what, hex] of HOSTILE) {
  test(`${what} is refused`, () => {
    assert.throws(() => decode(Outer, Buffer.from(hex, 'hex')), ProtobufError)
  })
}

test('any bytes are a message or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decode(Outer, Buffer.from(bytes))
      } catch (error) {
        assert.ok(error instanceof ProtobufError)
      }
    }),
  )
})
