import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint.ts'

/** Zigzag LEB128 by the definition, in exact arithmetic. */
function reference(value: bigint): string {
  let raw = value < 0n ? -value * 2n - 1n : value * 2n
  const bytes = []
  for (; raw >= 0x80n; raw >>= 7n) bytes.push(Number(raw & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(raw)]).toString('hex')
}

function written(write: typeof writeVarint, size: typeof varintBytes, value: number): string {
  const buffer = Buffer.alloc(12, 0xee)
  const end = write(buffer, value, 0)
  assert.equal(end, size(value))
  return buffer.toString('hex', 0, end)
}

test('varints have the bytes that Kafka gives them', () => {
  const vectors: [number, string][] = [
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [63, '7e'],
    [-64, '7f'],
    [64, '8001'],
    [2147483647, 'feffffff0f'],
    [-2147483648, 'ffffffff0f'],
  ]
  for (const [value, bytes] of vectors) assert.equal(written(writeVarint, varintBytes, value), bytes)
})

test('every int32 and every safe integer is written by the definition', () => {
  fc.assert(fc.property(fc.integer(), (value) => written(writeVarint, varintBytes, value) === reference(BigInt(value))))
  const edges = [0x3fffffff, 0x40000000, -0x40000000, -0x40000001, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]
  const safe = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(...edges))
  fc.assert(fc.property(safe, (value) => written(writeVarlong, varlongBytes, value) === reference(BigInt(value))))
})
