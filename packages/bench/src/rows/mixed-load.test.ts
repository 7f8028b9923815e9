import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mixedResult } from './mixed-load.ts'

const times = { p50: 1, p99: 2, p999: 3, max: 4 }
const printed = {
  ...{ produced: 2000, seconds: 2, consumed: 3000, consumedBytes: 6e6, consumeSeconds: 3 },
  ...{ acknowledged: times, late: times, cpuSeconds: 0.5 },
}

test('what is consumed and what is produced are rates over their own times', () => {
  assert.deepEqual(mixedResult(printed, 1000), {
    consumedMegabytesPerSecond: 2,
    producedMegabytesPerSecond: 1,
    acknowledgedP50Ms: 1,
    acknowledgedP99Ms: 2,
    messages: 5000,
    cpuSeconds: 0.5,
  })
})

test('a generator that does not tell how much was produced fails the row', () => {
  const { produced: _, ...rest } = printed
  assert.throws(() => mixedResult(rest, 1000), /no "produced"/)
})
