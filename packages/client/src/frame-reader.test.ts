import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameReader, FrameSizeError } from './frame-reader.ts'

function framed(...bodies: Buffer[]): Buffer {
  return Buffer.concat(
    bodies.flatMap((body) => {
      const size = Buffer.alloc(4)
      size.writeInt32BE(body.length)
      return [size, body]
    }),
  )
}

function readIn(chunks: Buffer[], bytesMax = 1000): Buffer[] {
  const frames: Buffer[] = []
  const reader = new FrameReader({ bytesMax, onFrame: (frame) => frames.push(frame) })
  for (const chunk of chunks) {
    const lent = Buffer.from(chunk)
    reader.push(lent)
    lent.fill(0xee)
  }
  return frames
}

test('frames do not depend on how the stream was cut, and outlive the bytes they came in', () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 })
  fc.assert(
    fc.property(bodies, fc.integer({ min: 1, max: 50 }), (arrays, step) => {
      const expected = arrays.map((array) => Buffer.from(array))
      const stream = framed(...expected)
      const chunks: Buffer[] = []
      for (let at = 0; at < stream.length; at += step) chunks.push(stream.subarray(at, at + step))
      assert.deepEqual(readIn(chunks), expected)
    }),
    { numRuns: 200, seed: 1 },
  )
})

test('a frame larger than what is reserved at once arrives whole', () => {
  const body = Buffer.alloc(20 * 1024 * 1024, 7)
  const stream = framed(body)
  const chunks = [stream.subarray(0, 3), stream.subarray(3, 9_000_000), stream.subarray(9_000_000)]
  assert.ok(readIn(chunks, body.length)[0]!.equals(body))
})

test('a frame of the maximum is read and one byte more is refused before its body comes', () => {
  assert.equal(readIn([framed(Buffer.alloc(10))], 10).length, 1)
  assert.throws(() => readIn([framed(Buffer.alloc(11)).subarray(0, 4)], 10), FrameSizeError)
  assert.throws(() => readIn([Buffer.from([0xff, 0xff, 0xff, 0xff])]), FrameSizeError)
})
