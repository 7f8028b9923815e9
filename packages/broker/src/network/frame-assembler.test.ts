import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteShare } from '@ottla/base/byte-share.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { FrameAssembler } from './frame-assembler.ts'
import { FramePool } from './frame-pool.ts'

const FRAME_BYTES_MAX = 10_000

/** An assembler whose owner takes frames until it is told to be busy, and what it saw. */
class Fixture {
  readonly share: ByteShare
  readonly pool = new FramePool({ bytesMax: 1_000_000 })
  readonly frames: string[] = []
  readonly refusals: string[] = []
  readonly assembler: FrameAssembler
  isPaused = false
  /** Frames that the owner takes before it is busy. */
  taken = Infinity

  constructor(options: { share?: ByteShare; ready?: boolean } = {}) {
    this.share = options.share ?? new ByteShare('frames', 1_000_000)
    this.assembler = new FrameAssembler({
      frameBytesMax: FRAME_BYTES_MAX,
      share: this.share,
      pool: this.pool,
      frame: (buffer, start, end) => {
        this.frames.push(buffer.toString('latin1', start, end))
        return --this.taken > 0
      },
      stalled: (stalled) => {
        this.isPaused = stalled
      },
      refused: (reason) => this.refusals.push(reason),
    })
    if (options.ready ?? true) this.assembler.ready()
  }

  /** As a socket delivers: the bytes are somebody else's after the call. */
  push(bytes: Buffer): void {
    const read = Buffer.from(bytes)
    this.assembler.push(read)
    read.fill(0xdd)
  }
}

function frameOf(text: string): Buffer {
  const frame = Buffer.alloc(4 + text.length)
  frame.writeInt32BE(text.length)
  frame.write(text, 4, 'latin1')
  return frame
}

function sizeOnly(size: number): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeInt32BE(size)
  return prefix
}

test('frames that are split at any byte come out whole', () => {
  const texts = ['first', 'x'.repeat(300), 'last']
  const bytes = Buffer.concat(texts.map(frameOf))
  for (let cut = 0; cut <= bytes.length; cut++) {
    const fixture = new Fixture()
    fixture.push(bytes.subarray(0, cut))
    fixture.push(bytes.subarray(cut))
    assert.deepEqual(fixture.frames, texts, `cut at ${cut}`)
    assert.equal(fixture.share.usedBytes, 0)
    assert.equal(fixture.assembler.hasPartialFrame, false)
  }
})

test('frames come out whole byte by byte and in pieces of any length', () => {
  const random = seededRandom('pieces')
  const texts = Array.from({ length: 40 }, (_, i) => String.fromCharCode(65 + (i % 26)).repeat(1 + random.below(5000)))
  const bytes = Buffer.concat(texts.map(frameOf))
  for (const pieceMax of [1, 7, 4096, 20_000]) {
    const fixture = new Fixture()
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + random.below(pieceMax))
      fixture.push(bytes.subarray(at, end))
      at = end
    }
    assert.deepEqual(fixture.frames, texts)
    assert.equal(fixture.share.usedBytes, 0)
  }
})

test('many frames of one read are handed over in place, without memory of the share', () => {
  const fixture = new Fixture()
  fixture.push(Buffer.concat(Array.from({ length: 500 }, (_, i) => frameOf(`frame ${i}`))))
  assert.equal(fixture.frames.length, 500)
  assert.equal(fixture.share.peakBytes, 0)
})

test('a frame of the largest size passes, one of a byte more, of none or of less is refused', () => {
  for (const split of [false, true]) {
    const largest = new Fixture()
    const bytes = frameOf('m'.repeat(FRAME_BYTES_MAX))
    largest.push(bytes.subarray(0, split ? 3 : bytes.length))
    largest.push(split ? bytes.subarray(3) : Buffer.alloc(0))
    assert.equal(largest.frames[0]?.length, FRAME_BYTES_MAX)
    for (const size of [FRAME_BYTES_MAX + 1, 0x7fff_ffff, -1, -0x8000_0000, 0]) {
      const fixture = new Fixture()
      const prefix = sizeOnly(size)
      fixture.push(Buffer.concat([frameOf('before'), prefix.subarray(0, split ? 2 : 4)]))
      fixture.push(split ? prefix.subarray(2) : Buffer.alloc(0))
      fixture.push(frameOf('behind'))
      assert.deepEqual(fixture.frames, ['before'], `size ${size}`)
      assert.equal(fixture.refusals.length, 1)
      assert.match(fixture.refusals[0]!, /socket\.request\.max\.bytes=10000/)
      fixture.assembler.close()
      assert.equal(fixture.share.usedBytes, 0)
    }
  }
})

test('nothing is cut before the owner is ready, and nothing is lost meanwhile', () => {
  const fixture = new Fixture({ ready: false })
  fixture.push(frameOf('early').subarray(0, 6))
  fixture.push(Buffer.concat([frameOf('early').subarray(6), frameOf('next')]))
  assert.deepEqual([fixture.frames, fixture.isPaused, fixture.share.usedBytes], [[], true, 17])
  fixture.assembler.ready()
  assert.deepEqual([fixture.frames, fixture.isPaused, fixture.share.usedBytes], [['early', 'next'], false, 0])
})

test('a busy owner gets the next frame only when it is ready again', () => {
  const fixture = new Fixture()
  fixture.taken = 2
  fixture.push(Buffer.concat(['a', 'b', 'c', 'd'].map(frameOf)))
  assert.deepEqual([fixture.frames, fixture.isPaused], [['a', 'b'], true])
  assert.equal(fixture.share.usedBytes, 10, 'what was read already is charged')
  fixture.taken = 1
  fixture.assembler.ready()
  assert.deepEqual([fixture.frames, fixture.isPaused, fixture.share.usedBytes], [['a', 'b', 'c'], true, 5])
  fixture.taken = Infinity
  fixture.assembler.ready()
  assert.deepEqual([fixture.frames, fixture.isPaused, fixture.share.usedBytes], [['a', 'b', 'c', 'd'], false, 0])
})

test('a frame beyond the share waits before its body is read, and goes on when bytes are given back', () => {
  const share = new ByteShare('frames', 8192)
  share.tryTake(8192)
  const fixture = new Fixture({ share })
  const bytes = frameOf('w'.repeat(3000))
  fixture.push(bytes.subarray(0, 1000))
  assert.deepEqual([fixture.isPaused, share.waiting], [true, 1])
  share.give(8192)
  assert.deepEqual([fixture.isPaused, share.waiting, share.usedBytes], [false, 0, 4096])
  fixture.push(bytes.subarray(1000))
  assert.deepEqual([fixture.frames[0]?.length, share.usedBytes], [3000, 0])
})

test('a frame that waits for the share is not begun by an owner that becomes ready', () => {
  const share = new ByteShare('frames', 8192)
  const fixture = new Fixture({ share, ready: false })
  fixture.push(frameOf('w'.repeat(3000)).subarray(0, 1000))
  share.tryTake(8000)
  fixture.assembler.ready()
  assert.deepEqual([fixture.isPaused, share.waiting, fixture.frames], [true, 1, []])
  fixture.push(frameOf('w'.repeat(3000)).subarray(1000))
  share.give(8000)
  assert.deepEqual([fixture.isPaused, fixture.frames[0]?.length, share.usedBytes], [false, 3000, 0])
})

test('the share admits one frame more only when one has left: its maximum + 1 waits', () => {
  const share = new ByteShare('frames', 3 * 4096 + 2000)
  const fixtures = Array.from({ length: 4 }, () => new Fixture({ share }))
  const bytes = frameOf('y'.repeat(4000))
  for (const fixture of fixtures) fixture.push(bytes.subarray(0, 2000))
  assert.deepEqual(
    fixtures.map(({ isPaused }) => isPaused),
    [false, false, false, true],
  )
  fixtures[0]!.push(bytes.subarray(2000))
  assert.equal(fixtures[3]!.isPaused, false)
  for (const fixture of fixtures.slice(1)) fixture.push(bytes.subarray(2000))
  assert.deepEqual(
    fixtures.map(({ frames }) => frames.length),
    [1, 1, 1, 1],
  )
  assert.deepEqual([share.usedBytes, share.waiting, share.peakBytes <= share.bytesMax], [0, 0, true])
})

test('frames that wait get on though what waits with them fills the share', () => {
  const share = new ByteShare('frames', 2 * 4096)
  const fixtures = Array.from({ length: 20 }, () => new Fixture({ share }))
  const bytes = frameOf('y'.repeat(4000))
  for (const fixture of fixtures) fixture.push(bytes.subarray(0, 2000))
  assert.ok(share.usedBytes > 2 * share.bytesMax)
  for (let left = fixtures.length; left > 0; left--) {
    const admitted = fixtures.find(({ isPaused, frames }) => !isPaused && frames.length === 0)
    assert.ok(admitted, `${left} wait for each other`)
    admitted.push(bytes.subarray(2000))
  }
  assert.deepEqual([share.usedBytes, share.waiting], [0, 0])
})

test('closing gives back whatever is held, at any moment', () => {
  const bytes = frameOf('z'.repeat(3000))
  const moments: [string, (fixture: Fixture) => void][] = [
    ['idle', () => {}],
    ['inside the size', ({ assembler }) => assembler.push(bytes.subarray(0, 2))],
    ['inside a body', ({ assembler }) => assembler.push(bytes.subarray(0, 100))],
    [
      'while the owner is busy',
      (fixture) => {
        fixture.taken = 1
        fixture.push(Buffer.concat([frameOf('a'), bytes]))
      },
    ],
    [
      'while it waits for the share',
      ({ assembler, share }) => {
        assert.equal(share.tryTake(share.bytesMax), true)
        assembler.push(bytes.subarray(0, 100))
        assembler.push(bytes.subarray(100, 200))
        assert.equal(share.waiting, 1)
      },
    ],
  ]
  for (const [moment, arrange] of moments) {
    const fixture = new Fixture()
    arrange(fixture)
    fixture.assembler.close()
    fixture.assembler.close()
    if (moment === 'while it waits for the share') fixture.share.give(fixture.share.bytesMax)
    assert.deepEqual([fixture.share.usedBytes, fixture.share.waiting], [0, 0], moment)
    fixture.push(bytes)
    fixture.assembler.ready()
    assert.deepEqual(
      fixture.frames.filter((frame) => frame !== 'a'),
      [],
      moment,
    )
  }
})

test('an owner that closes while it is handed a frame gives everything back once', () => {
  for (const split of [0, 50]) {
    const share = new ByteShare('frames', 100_000)
    const assembler: FrameAssembler = new FrameAssembler({
      frameBytesMax: FRAME_BYTES_MAX,
      share,
      pool: new FramePool({ bytesMax: 0 }),
      frame: () => {
        assembler.close()
        return true
      },
      stalled: () => {},
      refused: () => {},
    })
    assembler.ready()
    const bytes = Buffer.concat([frameOf('q'.repeat(100)), frameOf('r'.repeat(100))])
    assembler.push(bytes.subarray(0, split))
    assembler.push(bytes.subarray(split))
    assert.equal(share.usedBytes, 0)
  }
})
