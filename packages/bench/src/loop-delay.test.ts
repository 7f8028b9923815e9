import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loopDelayBetween, parseLoopReading } from './loop-delay.ts'

const name = 'ottla_event_loop_delay_milliseconds'

function textOf(counts: readonly (readonly [end: string, count: number])[]): string {
  return counts.map(([end, count]) => `${name}_bucket{le="${end}"} ${count}\n`).join('')
}

test('the buckets and the longest turn are found among other metrics', () => {
  const text = `# TYPE ${name} histogram\n${textOf([
    ['0.25', 3],
    ['+Inf', 4],
  ])}${name}_count 4\nottla_event_loop_turn_max_milliseconds 48.25\nprocess_resident_memory_bytes 5\n`
  const delays = new Map([
    [0.25, 3],
    [Infinity, 4],
  ])
  assert.deepEqual(parseLoopReading(text), { delays, longestTurnMs: 48.25 })
})

test('a broker that does not watch its loop tells nothing', () => {
  assert.equal(parseLoopReading('process_resident_memory_bytes 5\n'), null)
})

test('what happened before the first reading does not count', () => {
  const before = new Map([
    [1, 0],
    [2, 0],
    [100, 50],
    [Infinity, 50],
  ])
  const after = new Map([
    [1, 90],
    [2, 100],
    [100, 150],
    [Infinity, 150],
  ])
  const readings = [
    { delays: before, longestTurnMs: 70 },
    { delays: after, longestTurnMs: 12.5 },
  ] as const
  assert.deepEqual(loopDelayBetween(...readings), { p50Ms: 1, p99Ms: 2, maxMs: 12.5 })
})

test('nothing between two readings is no figure', () => {
  const buckets = new Map([
    [1, 7],
    [Infinity, 7],
  ])
  const reading = { delays: buckets, longestTurnMs: 0 }
  assert.equal(loopDelayBetween(reading, reading), null)
})
