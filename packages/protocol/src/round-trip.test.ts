import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError, EncodeError, Reader, Writer } from './bytes.ts'
import { type Codec, decode, encode } from './codec.ts'
import { type Form, interpretRead, interpretWrite } from './interpret.ts'
import {
  type AnyMessage,
  arbitraryOf,
  completed,
  everyMessage,
  type Value,
  versionsOf,
} from './testing/every-message.ts'

const samplesPerVersion = 25
const seed = 20260427

function formOf(message: AnyMessage, version: number): Form {
  return { table: message.table, version, flexible: version >= message.flexible }
}

function codecOf(message: AnyMessage, version: number): Codec<Value, Value> {
  return message.at(version) as Codec<Value, Value>
}

function interpreted(form: Form, value: Value): Buffer {
  const writer = new Writer()
  interpretWrite(form, writer, value)
  return writer.toBuffer()
}

function forEachVersion(run: (message: AnyMessage, version: number) => void): void {
  for (const message of everyMessage) for (const version of versionsOf(message)) run(message, version)
}

test('every message in every version reads back as it was written, compiled and interpreted alike', () => {
  forEachVersion((message, version) => {
    const form = formOf(message, version)
    const codec = codecOf(message, version)
    const holds = fc.property(arbitraryOf(message.table, version), (value) => {
      const bytes = encode(codec, value)
      assert.deepEqual(interpreted(form, value), bytes)
      const expected = completed(message.table, version, value)
      assert.deepEqual(decode(codec, bytes), expected)
      assert.deepEqual(interpretRead(form, new Reader(bytes)), expected)
    })
    fc.assert(holds, { numRuns: samplesPerVersion, seed })
  })
})

function attempt(write: () => Buffer): Buffer | 'refused' {
  try {
    return write()
  } catch (error) {
    assert.ok(error instanceof EncodeError)
    return 'refused'
  }
}

test('a value made for another version is written, or refused, by compiled and interpreted codecs alike', () => {
  let refused = 0
  forEachVersion((message, version) => {
    const [first, last] = message.versions
    const other = version === last ? first : last
    const codec = codecOf(message, version)
    for (const value of fc.sample(arbitraryOf(message.table, other), { numRuns: 20, seed })) {
      const compiled = attempt(() => encode(codec, value))
      assert.deepEqual(
        attempt(() => interpreted(formOf(message, version), value)),
        compiled,
        `${message.name} v${version}`,
      )
      if (compiled === 'refused') refused++
    }
  })
  assert.ok(refused > 1000)
})

test('a message that is cut off anywhere is refused', () => {
  forEachVersion((message, version) => {
    const codec = codecOf(message, version)
    const [value] = fc.sample(arbitraryOf(message.table, version), { numRuns: 1, seed })
    const bytes = encode(codec, value!)
    for (let size = 0; size < Math.min(bytes.length, 300); size++) {
      assert.throws(() => decode(codec, bytes.subarray(0, size)), DecodeError, `${message.name} v${version} at ${size}`)
    }
  })
})
