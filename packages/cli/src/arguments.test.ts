import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  parseDuration,
  parseEscapes,
  parsePair,
  parsePartitions,
  parsePosition,
  parseRate,
  parseWhole,
  UsageError,
} from './arguments.ts'

test('each form of a position is told apart', () => {
  assert.deepEqual(parsePosition('beginning'), { kind: 'beginning' })
  assert.deepEqual(parsePosition('end'), { kind: 'end' })
  assert.deepEqual(parsePosition('12'), { kind: 'offset', offset: 12 })
  assert.deepEqual(parsePosition('-12'), { kind: 'before-end', count: 12 })
  assert.deepEqual(parsePosition('@1700000000000'), { kind: 'time', timeMs: 1_700_000_000_000 })
  assert.deepEqual(parsePosition('2023-11-14T22:13:20Z'), { kind: 'time', timeMs: 1_700_000_000_000 })
})

test('a position that is none is a usage error which names the right forms', () => {
  for (const text of ['', 'start', '1.5', '99999999999999999999', '@x']) {
    assert.throws(() => parsePosition(text), UsageError, text)
  }
  assert.throws(() => parsePosition('start'), /beginning, end, an offset/)
})

test('partition lists are sorted and hold each partition once', () => {
  assert.deepEqual(parsePartitions('2-4,0,3'), [0, 2, 3, 4])
  for (const text of ['', 'a', '4-2', '1,,2', '-1', '0-999999999']) {
    assert.throws(() => parsePartitions(text), UsageError, text)
  }
})

test('a pair is split at its first equals sign', () => {
  assert.deepEqual(parsePair('a=b=c'), ['a', 'b=c'])
  assert.deepEqual(parsePair('a='), ['a', ''])
  assert.throws(() => parsePair('=b'), UsageError)
  assert.throws(() => parsePair('a'), UsageError)
})

test('whole numbers obey both bounds', () => {
  assert.equal(parseWhole('3', { min: 3, max: 3 }), 3)
  assert.throws(() => parseWhole('2', { min: 3 }), /at least 3/)
  assert.throws(() => parseWhole('4', { min: 3, max: 3 }), /from 3 to 3/)
  assert.throws(() => parseWhole('1e3', { min: 0 }), UsageError)
})

test('escapes become bytes and unknown ones are refused', () => {
  assert.deepEqual(parseEscapes('a\\tb\\x00\\xff\\\\n'), Buffer.from([97, 9, 98, 0, 255, 92, 110]))
  assert.throws(() => parseEscapes('\\q'), UsageError)
  assert.throws(() => parseEscapes('end\\'), UsageError)
})

test('durations are ISO 8601 without months and years', () => {
  assert.equal(parseDuration('PT1H'), 3_600_000)
  assert.equal(parseDuration('P1DT2H3M4.5S'), 93_784_500)
  assert.equal(parseDuration('P2W'), 1_209_600_000)
  for (const text of ['', 'P', 'PT', '1h', 'P1M', 'PT1D', 'P-1D'])
    assert.throws(() => parseDuration(text), /no duration/)
})

test('rates are bytes a second in units of a thousand or 1,024', () => {
  const rows: [text: string, rate: number][] = [
    ['1000000', 1_000_000],
    ['50MB', 50_000_000],
    ['20MiB', 20_971_520],
    ['1.5 GB/s', 1_500_000_000],
    ['3kib', 3072],
  ]
  for (const [text, rate] of rows) assert.equal(parseRate(text), rate, text)
  for (const text of ['', '0', '-1', '5 apples', '10M', '1e9', '99999999999GB'])
    assert.throws(() => parseRate(text), UsageError, text)
})
