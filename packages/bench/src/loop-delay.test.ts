import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loopDelayBetween, parseLoopBuckets } from './loop-delay.ts'

const name = 'ottla_event_loop_delay_milliseconds'

function textOf(counts: readonly (readonly [end: string, count: number])[]): string {
  return counts.map(([end, count]) => `${name}_bucket{le="${end}"} ${count}\n`).join('')
}

test('the buckets are found among other metrics', () => {
  const text = `# TYPE ${name} histogram\n${textOf([
    ['0.25', 3],
    ['+Inf', 4],
  ])}${name}_count 4\nprocess_resident_memory_bytes 5\n`
  assert.deepEqual(
    [...parseLoopBuckets(text)!],
    [
      [0.25, 3],
      [Infinity, 4],
    ],
  )
})

test('a broker without the histogram tells nothing', () => {
  assert.equal(parseLoopBuckets('process_resident_memory_bytes 5\n'), null)
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
  assert.deepEqual(loopDelayBetween(before, after), { p50Ms: 1, p99Ms: 2, maxMs: 2 })
})

test('nothing between two readings is no figure', () => {
  const buckets = new Map([
    [1, 7],
    [Infinity, 7],
  ])
  assert.equal(loopDelayBetween(buckets, buckets), null)
})
