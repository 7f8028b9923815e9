/** What a broken or malicious peer can send. Seeds are fixed: a failure names message, version, round and bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import fc from 'fast-check'
import { Fetch } from './apis/01-fetch.ts'
import { Metadata } from './apis/03-metadata.ts'
import { DecodeError, elementsMax, Reader, Writer } from './bytes.ts'
import { type Codec, decode, encode } from './codec.ts'
import { readRequestHeader } from './frame.ts'
import { type AnyMessage, arbitraryOf, everyMessage, type Value, versionsOf } from './testing/every-message.ts'

const framesMin = 1_000_000
const framesPerVersion = 1_500
const seedsPerVersion = 6
/** Arrays nest no deeper than this, and each level admits at most one element for each byte that is left. */
const arrayDepthMax = 6

type Mutation = (bytes: Buffer, random: Random) => Buffer

const lies = ['7fffffff', 'ffffffff', '80000000', '00ffffff', 'ffffffff0f', 'ffffffffff7f', '00100000', '8080808008']

const mutations: readonly Mutation[] = [
  (_, random) => random.bytes(random.below(96)),
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => {
    const changed = Buffer.from(bytes)
    for (let left = random.below(4); left >= 0; left--) changed[random.below(changed.length)] = random.below(256)
    return changed
  },
  (bytes, random) => {
    const at = random.below(bytes.length)
    return Buffer.concat([
      bytes.subarray(0, at),
      Buffer.from(lies[random.below(lies.length)]!, 'hex'),
      bytes.subarray(at),
    ])
  },
  (bytes, random) => {
    const lie = Buffer.from(lies[random.below(lies.length)]!, 'hex')
    const at = random.below(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), lie, bytes.subarray(Math.min(bytes.length, at + lie.length))])
  },
]

/** Reads one frame. Answers whether it was taken; anything but a value or a DecodeError fails the test. */
function attack(codec: Codec<Value, Value>, frame: Buffer, tools: { reader: Reader; writer: Writer }): boolean {
  const { reader, writer } = tools
  reader.reset(frame)
  let value: Value
  try {
    value = codec.read(reader)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return false
  } finally {
    assert.ok(reader.at <= frame.length, 'nothing is read behind the end')
    assert.ok(reader.elements <= frame.length * arrayDepthMax, 'elements are in proportion to bytes')
  }
  writer.reset()
  codec.write(writer, value)
  return true
}

function attackVersion(message: AnyMessage, version: number, tools: { reader: Reader; writer: Writer }): number {
  const codec = message.at(version) as Codec<Value, Value>
  const random = seededRandom(`${message.name} v${version}`)
  const samples = fc.sample(arbitraryOf(message.table, version), { numRuns: seedsPerVersion, seed: version + 1 })
  const seeds = samples.map((value) => encode(codec, value)).filter((bytes) => bytes.length > 0)
  seeds.push(Buffer.from([0]))
  let taken = 0
  for (let round = 0; round < framesPerVersion; round++) {
    const frame = mutations[round % mutations.length]!(seeds[random.below(seeds.length)]!, random)
    try {
      if (attack(codec, frame, tools)) taken++
    } catch (cause) {
      throw new Error(`${message.name} v${version}, round ${round}: ${frame.toString('hex')}`, { cause })
    }
  }
  return taken
}

test('a million hostile frames give values or DecodeErrors, in proportion to their bytes', { timeout: 120_000 }, () => {
  // Making a stack trace costs ten times what it takes to refuse a frame.
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  const tools = { reader: new Reader(Buffer.alloc(0)), writer: new Writer() }
  let frames = 0
  let taken = 0
  for (const message of everyMessage) {
    for (const version of versionsOf(message)) {
      taken += attackVersion(message, version, tools)
      frames += framesPerVersion
    }
  }
  Error.stackTraceLimit = stackTraceLimit
  assert.ok(frames >= framesMin, `${frames} frames`)
  assert.ok(taken > frames / 100 && taken < frames, `${taken} of ${frames} were taken`)
})

test('hostile request headers give headers or DecodeErrors', () => {
  const random = seededRandom('headers')
  for (let round = 0; round < 20_000; round++) {
    const frame = random.bytes(random.below(40))
    try {
      readRequestHeader(new Reader(frame), (key) => (key % 3 === 0 ? 1 : undefined))
    } catch (error) {
      assert.ok(error instanceof DecodeError)
    }
  }
})

test('an array longer than the element budget is refused before any element is made', () => {
  const writer = new Writer()
  writer.int32(elementsMax + 1)
  const reader = new Reader(Buffer.concat([writer.toBuffer(), Buffer.alloc(3 * (elementsMax + 1))]))
  assert.throws(() => Metadata.request.at(1).read(reader), /more than 1000000 array elements/)
  assert.equal(reader.at, 4)
})

test('the element budget is for the whole message, not for each of its arrays', () => {
  const partitions = Array.from({ length: elementsMax / 4 }, () => 7)
  const forgetting = (topics: number): Buffer => {
    const forgottenTopicsData = Array.from({ length: topics }, () => ({ topic: 't', partitions }))
    const request = { maxWaitMs: 1, minBytes: 1, topics: [], forgottenTopicsData }
    return encode(Fetch.request.at(11), request)
  }
  assert.equal(decode(Fetch.request.at(11), forgetting(3)).forgottenTopicsData.length, 3)
  assert.throws(() => decode(Fetch.request.at(11), forgetting(4)), /more than 1000000 array elements/)
})

test('a count beyond the bytes that are left is refused before any element is made', () => {
  for (const hex of ['7fffffff', '00000003']) {
    const reader = new Reader(Buffer.from(`${hex}0000`, 'hex'))
    assert.throws(() => Metadata.request.at(1).read(reader), DecodeError)
    assert.equal(reader.elements, 0)
  }
})

test('a negative length in a field that is not nullable is refused', () => {
  assert.throws(() => decode(Metadata.request.at(0), Buffer.from('ffffffff', 'hex')), DecodeError)
  assert.equal(decode(Metadata.request.at(1), Buffer.from('ffffffff', 'hex')).topics, null)
})
