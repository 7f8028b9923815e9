import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { systemClock } from '@ottla/base/clock.ts'
import fc from 'fast-check'
import {
  type Codec,
  codecOf,
  compress,
  compressionNumber,
  DecompressionError,
  decompress,
  Scratch,
} from './compression.ts'
import { mutated, numbersFrom } from './mutate.fixture.ts'
import { xxh32 } from './xxh32.ts'

const MEBI = 1024 * 1024
const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const
const MUTATIONS_EACH = 8_000
const text = Buffer.from(Array.from({ length: 400 }, (_, n) => `line ${(n * n) % 97}\n`).join(''))

function open(codec: Codec, blob: Buffer, maxBytes = MEBI): Buffer {
  return decompress(codec, blob, { maxBytes })
}

function refuses(codec: Codec, blob: Buffer, kind: string, maxBytes = MEBI): void {
  assert.throws(() => open(codec, blob, maxBytes), { name: 'DecompressionError', kind, codec })
}

test("codecs have the numbers of a batch's attributes", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7].map(codecOf), ['none', ...CODECS, undefined, undefined, undefined])
  assert.equal(compressionNumber('zstd'), 4)
})

test('what is compressed comes back, at sizes around every block', () => {
  const sizes = [0, 1, 100, 32767, 32768, 32769, 65535, 65536, 65537, 300_000]
  const random = numbersFrom(3)
  for (const size of sizes) {
    const noise = Buffer.from(Array.from({ length: size }, () => random() & 0xff))
    for (const input of [noise, Buffer.alloc(size, 'abcabd')]) {
      for (const codec of ['none', ...CODECS] as const) assert.deepEqual(open(codec, compress(codec, input)), input)
    }
  }
})

test('any bytes come back from every codec', () => {
  const input = fc.uint8Array({ maxLength: 5000 }).map((array) => Buffer.from(array))
  const property = fc.property(fc.constantFrom(...CODECS), input, (codec, bytes) =>
    open(codec, compress(codec, bytes)).equals(bytes),
  )
  fc.assert(property, { numRuns: 300 })
})

test('levels change the size and nothing else', () => {
  for (const [codec, low, high] of [
    ['gzip', 1, 9],
    ['zstd', 1, 19],
  ] as const) {
    const best = compress(codec, text, high)
    assert.ok(best.length <= compress(codec, text, low).length)
    assert.deepEqual(open(codec, best), text)
  }
})

test('a blob is opened at its exact size and refused one byte below', () => {
  for (const codec of ['none', ...CODECS] as const) {
    const blob = compress(codec, text)
    assert.deepEqual(open(codec, blob, text.length), text)
    refuses(codec, blob, 'too-large', text.length - 1)
  }
})

// Bombs: each stands, or claims to stand, for a gibibyte or more. ------------------------------------------------------

function gzipBomb(): Buffer {
  const zeros = gzipSync(Buffer.alloc(64 * MEBI), { level: 9 })
  return Buffer.concat(Array.from({ length: 16 }, () => zeros))
}

function zstdBomb(): Buffer {
  const zeros = zstdCompressSync(Buffer.alloc(64 * MEBI))
  return Buffer.concat(Array.from({ length: 16 }, () => zeros))
}

function xerial(...blocks: Buffer[]): Buffer {
  const header = Buffer.from('82534e41505059000000000100000001', 'hex')
  const chunks = blocks.flatMap((block) => {
    const size = Buffer.alloc(4)
    size.writeInt32BE(block.length)
    return [size, block]
  })
  return Buffer.concat([header, ...chunks])
}

function snappyBomb(): Buffer {
  const block = compress('snappy', Buffer.alloc(32 * 1024)).subarray(20)
  return xerial(...Array.from({ length: 32 * 1024 }, () => block))
}

interface FrameParts {
  readonly flags?: number
  readonly descriptor?: number
  readonly body?: Buffer
  readonly extra?: Buffer
}

/** A frame with a right header checksum around whatever the test puts in; by default empty and sound. */
function lz4Frame(parts: FrameParts): Buffer {
  const { flags = 0x60, descriptor = 0x40, body = Buffer.alloc(4), extra = Buffer.alloc(0) } = parts
  const head = Buffer.concat([Buffer.from('04224d18', 'hex'), Buffer.from([flags, descriptor]), extra])
  return Buffer.concat([head, Buffer.from([(xxh32(head, 4, head.length) >>> 8) & 0xff]), body])
}

function lz4Block(size: number): Buffer {
  return compress('lz4', Buffer.alloc(size)).subarray(7, -4)
}

function lz4Bomb(): Buffer {
  const block = lz4Block(64 * 1024)
  return lz4Frame({ body: Buffer.concat([...Array.from({ length: 16 * 1024 }, () => block), Buffer.alloc(4)]) })
}

const BOMBS: Record<string, { codec: Codec; make: () => Buffer; maxBytes: number }> = {
  'gzip of zeros': { codec: 'gzip', make: gzipBomb, maxBytes: 32 * MEBI },
  'zstd of zeros': { codec: 'zstd', make: zstdBomb, maxBytes: 32 * MEBI },
  'snappy blocks of zeros': { codec: 'snappy', make: snappyBomb, maxBytes: 32 * MEBI },
  'a snappy claim': { codec: 'snappy', make: () => Buffer.from('ffffffff0700', 'hex'), maxBytes: 32 * MEBI },
  'lz4 blocks of zeros': { codec: 'lz4', make: lz4Bomb, maxBytes: 32 * MEBI },
}
const BLOCKED_MS_MAX = 500
/** Blocks and outgrown buffers that the collector has not come to yet count too; the bombs are 30 times the bound. */
const HELD_SHARE_MAX = 4

function heldBytes(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

for (const [name, { codec, make, maxBytes }] of Object.entries(BOMBS)) {
  test(`a bomb is stopped before it costs memory or time: ${name}`, () => {
    const bomb = make()
    assert.throws(() => open(codec, Buffer.from('warm')), DecompressionError)
    const heldBefore = heldBytes()
    const startedMs = systemClock.monotonicMs()
    refuses(codec, bomb, 'too-large', maxBytes)
    assert.ok(systemClock.monotonicMs() - startedMs < BLOCKED_MS_MAX)
    assert.ok(heldBytes() - heldBefore < HELD_SHARE_MAX * maxBytes, `${heldBytes() - heldBefore} bytes more`)
  })
}

test('a claim within the bound that the bytes cannot keep reserves nothing', () => {
  const claims = Buffer.from('80808080' + '04' + '00', 'hex')
  const heldBefore = heldBytes()
  refuses('snappy', claims, 'corrupt', 2 ** 31)
  refuses('snappy', xerial(claims, claims), 'corrupt', 2 ** 33)
  assert.ok(heldBytes() - heldBefore < MEBI)
})

test('a megabyte of the smallest blocks does not hold up the loop', () => {
  const tiny = { snappy: xerial(...Array(120_000).fill(Buffer.from('010061', 'hex'))) }
  const lz4Tiny = Buffer.from('020000001061', 'hex')
  const frame = lz4Frame({ descriptor: 0x70, body: Buffer.concat([...Array(120_000).fill(lz4Tiny), Buffer.alloc(4)]) })
  for (const [codec, blob] of [
    ['snappy', tiny.snappy],
    ['lz4', frame],
  ] as const) {
    const startedMs = systemClock.monotonicMs()
    assert.equal(open(codec, blob).length, 120_000)
    assert.ok(systemClock.monotonicMs() - startedMs < 4 * BLOCKED_MS_MAX, codec)
  }
})

test('damaged blobs give their bytes or a DecompressionError, never anything else', () => {
  const random = numbersFrom(17)
  for (const codec of CODECS) {
    for (const blob of [compress(codec, text), compress(codec, Buffer.from('hello hello hello'))]) {
      for (let i = 0; i < MUTATIONS_EACH; i++) {
        const damaged = mutated(blob, random)
        try {
          open(codec, damaged)
        } catch (error) {
          assert.ok(error instanceof DecompressionError, `${codec} ${damaged.toString('hex')}: ${error}`)
        }
      }
    }
  }
})

test('a blob that is cut off is corrupt, wherever the cut', () => {
  for (const codec of ['gzip', 'lz4', 'zstd'] as const) {
    const blob = compress(codec, text)
    for (let cut = 0; cut < blob.length; cut++) refuses(codec, blob.subarray(0, cut), 'corrupt')
  }
})

test('gzip members and zstd frames end to end are one blob', () => {
  for (const codec of ['gzip', 'zstd'] as const) {
    const twice = Buffer.concat([compress(codec, text), compress(codec, text)])
    assert.deepEqual(open(codec, twice), Buffer.concat([text, text]))
    refuses(codec, twice, 'too-large', text.length)
  }
  const skippable = Buffer.from('502a4d1802000000' + '0909', 'hex')
  assert.deepEqual(open('zstd', Buffer.concat([skippable, compress('zstd', text), skippable])), text)
})

test('bytes behind a blob are treated as Kafka treats them, or more strictly', () => {
  const junk = Buffer.from('5555555555555555', 'hex')
  for (const length of [1, 3, 8]) {
    const behind = (codec: Codec): Buffer => Buffer.concat([compress(codec, text), junk.subarray(0, length)])
    refuses('zstd', behind('zstd'), 'corrupt')
    refuses('gzip', behind('gzip'), 'corrupt')
    assert.deepEqual(open('lz4', behind('lz4')), text)
  }
  assert.deepEqual(open('gzip', Buffer.concat([compress('gzip', text), Buffer.alloc(9)])), text)
  assert.deepEqual(open('snappy', Buffer.concat([compress('snappy', text), junk.subarray(0, 3)])), text)
  refuses('snappy', Buffer.concat([compress('snappy', text), junk]), 'corrupt')
})

test('snappy is read as a xerial stream, as streams end to end and as one bare block', () => {
  const stream = compress('snappy', Buffer.concat(Array(20).fill(text)))
  assert.equal(stream.toString('hex', 0, 16), '82534e41505059000000000100000001')
  const short = compress('snappy', text)
  assert.deepEqual(open('snappy', Buffer.concat([short, short])), Buffer.concat([text, text]))
  assert.deepEqual(open('snappy', short.subarray(20)), text)
  const incompatible = Buffer.from(short)
  incompatible.writeInt32BE(0, 12)
  refuses('snappy', incompatible, 'corrupt')
})

test('an lz4 frame is refused for each thing that Kafka refuses', () => {
  assert.deepEqual(open('lz4', lz4Frame({})), Buffer.alloc(0))
  const refused = {
    'linked blocks': lz4Frame({ flags: 0x40 }),
    'another version': lz4Frame({ flags: 0xa0 }),
    'a reserved flag': lz4Frame({ flags: 0x62 }),
    'a block maximum below 4': lz4Frame({ descriptor: 0x30 }),
    'a reserved descriptor bit': lz4Frame({ descriptor: 0x41 }),
    'a block above the maximum': lz4Frame({
      body: Buffer.concat([Buffer.from('01000180', 'hex'), Buffer.alloc(70_000)]),
    }),
    'no end mark': lz4Frame({ body: lz4Block(100) }),
    'no content checksum': lz4Frame({ flags: 0x64 }),
  }
  for (const blob of Object.values(refused)) refuses('lz4', blob, 'corrupt')
  const wrongHeader = lz4Frame({})
  wrongHeader[6]! ^= 1
  refuses('lz4', wrongHeader, 'corrupt')
})

test("an lz4 block that stands for more than the frame's maximum is refused", () => {
  const large = Buffer.from(`1f000100${'ff'.repeat(300)}00500000000000`, 'hex')
  const size = Buffer.alloc(4)
  size.writeUInt32LE(large.length)
  const body = Buffer.concat([size, large, Buffer.alloc(4)])
  refuses('lz4', lz4Frame({ descriptor: 0x40, body }), 'corrupt')
  assert.ok(open('lz4', lz4Frame({ descriptor: 0x50, body })).length > 64 * 1024)
})

test('lz4 block checksums are verified, content size and content checksum skipped', () => {
  const block = lz4Block(1000)
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32LE(xxh32(block, 4, block.length))
  const body = Buffer.concat([block, checksum, Buffer.alloc(4), Buffer.alloc(4, 0xee)])
  const frame = lz4Frame({ flags: 0x7c, extra: Buffer.alloc(8, 0x77), body })
  assert.deepEqual(open('lz4', frame), Buffer.alloc(1000))
  frame[frame.length - 12]! ^= 1
  refuses('lz4', frame, 'corrupt')
})

test('a scratch gives the bytes that fresh memory gives, and leaves the input as it was', () => {
  const scratch = new Scratch()
  const texts = ['a'.repeat(300_000), 'Ottla '.repeat(20), '', Array.from({ length: 9000 }, (_, i) => i).join()]
  for (const codec of ['lz4', 'snappy', 'gzip', 'zstd'] as const) {
    for (const text of texts) {
      const input = compress(codec, Buffer.from(text))
      const before = Buffer.from(input)
      assert.equal(decompress(codec, input, { maxBytes: 1e6, scratch }).toString(), text)
      assert.deepEqual(input, before)
    }
  }
})

test('a block that cannot be decompressed leaves the input as it was', () => {
  const input = compress('lz4', Buffer.from('Ottla '.repeat(200)))
  input.fill(0xff, 11, input.length - 4)
  const before = Buffer.from(input)
  assert.throws(() => decompress('lz4', input, { maxBytes: 1e6 }), DecompressionError)
  assert.deepEqual(input, before)
})

test('a scratch does not keep what a bomb made it hold', () => {
  const scratch = new Scratch()
  decompress('lz4', compress('lz4', Buffer.alloc(16 << 20)), { maxBytes: 64 << 20, scratch })
  assert.ok(scratch.buffer.length <= 4 << 20)
})
