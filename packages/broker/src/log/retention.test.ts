import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decideRetention, type RetainedLog, type RetainedSegment, type RetentionRules } from './retention.ts'

const NOW_MS = 1_700_000_000_000
const RULES: RetentionRules = { deletes: true, retentionMs: 1000, retentionBytes: -1 }

/** Segments of ten offsets each: their bytes, and how many milliseconds ago their youngest record was written. */
function logOf(rows: readonly (readonly [bytes: number, ageMs: number | null])[], at: Partial<RetainedLog> = {}) {
  const segments: RetainedSegment[] = rows.map(([bytes, ageMs], index) => ({
    baseOffset: index * 10,
    bytes,
    retentionTimeMs: ageMs === null ? null : NOW_MS - ageMs,
  }))
  const logEndOffset = (segments.length - (segments.at(-1)!.bytes === 0 ? 1 : 0)) * 10
  return { segments, logStartOffset: 0, highWatermark: logEndOffset, logEndOffset, ...at }
}

/** What goes, as `reason count`, and where the log starts after it. */
function decision(log: RetainedLog, rules: Partial<RetentionRules> = {}): string {
  const verdict = decideRetention(log, { ...RULES, ...rules }, NOW_MS)
  if (verdict.kind === 'unknown time') return `unknown ${verdict.segment}`
  const gone = verdict.breaches.map(({ reason, from, to }) => `${reason} ${to - from}, `).join('')
  return `${gone}from ${verdict.logStartOffset}`
}

const OLD = 1001
const YOUNG = 1000
const EVER = { retentionMs: -1 }

test('time: segments go from the oldest on while their youngest record is older than retention.ms', () => {
  const rows: [rows: [number, number][], expected: string][] = [
    [[[5, YOUNG], [5, YOUNG]], 'from 0'], // biome-ignore format: a table
    [[[5, OLD], [5, YOUNG]], 'time 1, from 10'], // biome-ignore format: a table
    [[[5, OLD], [5, OLD], [5, YOUNG]], 'time 2, from 20'], // biome-ignore format: a table
    // An old one behind one that is kept stays: the log has no holes.
    [[[5, YOUNG], [5, OLD], [5, YOUNG]], 'from 0'], // biome-ignore format: a table
    // The active one too, when nothing in it is kept.
    [[[5, OLD], [5, OLD]], 'time 2, from 20'], // biome-ignore format: a table
    [[[5, OLD]], 'time 1, from 10'],
    // An empty active one has nothing to lose.
    [[[0, OLD]], 'from 0'],
    [[[5, OLD], [0, OLD]], 'time 1, from 10'], // biome-ignore format: a table
    // The clock of a producer that is ahead keeps its records, and all behind them.
    [[[5, -50_000], [5, OLD]], 'from 0'], // biome-ignore format: a table
  ]
  for (const [segments, expected] of rows) assert.equal(decision(logOf(segments)), expected, JSON.stringify(segments))
  assert.equal(decision(logOf([[5, Number.MAX_SAFE_INTEGER]]), EVER), 'from 0')
  assert.equal(decision(logOf([[5, 1]]), { retentionMs: 0 }), 'time 1, from 10')
  assert.equal(decision(logOf([[5, 0]]), { retentionMs: 0 }), 'from 0')
})

test('size: segments go from the oldest on while the log without them still has retention.bytes', () => {
  const three = logOf([[10, 0], [20, 0], [30, 0]]) // biome-ignore format: a table
  const rows: [retentionBytes: number, expected: string][] = [
    [-1, 'from 0'],
    [-5, 'from 0'],
    [61, 'from 0'],
    [60, 'from 0'],
    [51, 'from 0'],
    [50, 'size 1, from 10'],
    [31, 'size 1, from 10'],
    [30, 'size 2, from 20'],
    [1, 'size 2, from 20'],
    [0, 'size 3, from 30'],
  ]
  for (const [retentionBytes, expected] of rows) {
    assert.equal(decision(three, { ...EVER, retentionBytes }), expected, String(retentionBytes))
  }
  const rolled = logOf([[10, 0], [0, 0]]) // biome-ignore format: a table
  assert.equal(decision(rolled, { ...EVER, retentionBytes: 0 }), 'size 1, from 10')
  assert.equal(decision(logOf([[0, 0]]), { ...EVER, retentionBytes: 0 }), 'from 0')
})

test('start offset: segments that end at or below it go, whatever the policy; the active one never for it', () => {
  const segments: [number, number][] = [[5, 0], [5, 0], [5, 0]] // biome-ignore format: a table
  const rows: [logStartOffset: number, expected: string][] = [
    [0, 'from 0'],
    [9, 'from 9'],
    [10, 'start offset 1, from 10'],
    [19, 'start offset 1, from 19'],
    [30, 'start offset 2, from 30'],
  ]
  for (const [logStartOffset, expected] of rows) {
    const log = logOf(segments, { logStartOffset })
    assert.equal(decision(log, EVER), expected)
    assert.equal(
      decision(log, { deletes: false, retentionMs: 0, retentionBytes: 0 }),
      expected,
      'compacted, or nothing',
    )
  }
})

test('the three rules follow each other, each over what is left', () => {
  const log = logOf([[10, OLD], [10, OLD], [10, OLD], [10, YOUNG]], { logStartOffset: 10 }) // biome-ignore format: a table
  assert.equal(decision(log, { retentionBytes: 25 }), 'start offset 1, time 2, from 30')
  assert.equal(decision(log, { retentionBytes: 20 }), 'start offset 1, size 1, time 1, from 30')
  assert.equal(decision(log, { retentionBytes: 0 }), 'start offset 1, size 3, from 40')
})

test('nothing goes that ends beyond the high watermark', () => {
  const rows: [highWatermark: number, expected: string][] = [
    [30, 'time 3, from 30'],
    [29, 'time 2, from 20'],
    [19, 'time 1, from 10'],
    [9, 'from 0'],
  ]
  for (const [highWatermark, expected] of rows) {
    const log = logOf([[5, OLD], [5, OLD], [5, OLD]], { highWatermark }) // biome-ignore format: a table
    assert.equal(decision(log), expected)
    assert.equal(decision(log, { ...EVER, retentionBytes: 0 }), expected.replace('time', 'size'))
  }
})

test('a time is asked for only where it decides', () => {
  const log = logOf([[5, OLD], [5, null], [5, null]]) // biome-ignore format: a table
  assert.equal(decision(log), 'unknown 1')
  assert.equal(decision(log, EVER), 'from 0')
  assert.equal(decision(log, { deletes: false }), 'from 0')
  assert.equal(decision(log, { retentionBytes: 5 }), 'unknown 2')
  assert.equal(decision({ ...log, highWatermark: 15 }), 'time 1, from 10')
})
