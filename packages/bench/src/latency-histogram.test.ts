import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { latenciesOf, latencyMs, readLatencies } from './latency-histogram.ts'

/** 1 to 10,000 µs, in any order. */
const samplesNs = Array.from({ length: 10_000 }, (_, i) => ((i * 7919) % 10_000) * 1000 + 1000)

test('percentiles are of all samples, to three digits', () => {
  const points = latenciesOf(samplesNs)
  for (const [percentile, ms] of [
    [50, 5],
    [90, 9],
    [99, 9.9],
    [99.9, 9.99],
    [100, 10],
  ] as const) {
    assert.ok(Math.abs(latencyMs(points, percentile) - ms) <= ms / 500, `p${percentile}`)
  }
})

test('percentiles never fall', () => {
  const values = latenciesOf(samplesNs).map(({ ms }) => ms)
  assert.deepEqual(
    values,
    values.toSorted((a, b) => a - b),
  )
})

test("a generator's file is one sample a line", () => {
  const disk = new MemoryDisk()
  disk.makeDirectory('/d')
  disk.replaceFile('/d/samples', Buffer.from('1000000\n3000000\n'))
  assert.ok(Math.abs(latencyMs(readLatencies(disk, '/d/samples'), 100) - 3) < 0.01)
})

test('a message that was received as it was due counts', () => {
  assert.ok(latencyMs(latenciesOf([0, -5]), 100) <= 0.001)
})

test('a percentile that is not kept is not made up', () => {
  assert.throws(() => latencyMs(latenciesOf([1]), 42), /42/)
})
