import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Counter, Gauge, Histogram } from './counters.ts'

describe('Counter and Gauge', () => {
  test('a counter adds, a gauge is set and moves', () => {
    const counter = new Counter()
    counter.add()
    counter.add(4)
    assert.equal(counter.value, 5)
    const gauge = new Gauge()
    gauge.set(3)
    gauge.add(-5)
    assert.equal(gauge.value, -2)
  })
})

describe('Histogram', () => {
  test('an empty one answers zeros', () => {
    const histogram = new Histogram()
    assert.deepEqual([histogram.count, histogram.sum, histogram.max, histogram.quantile(0.99)], [0, 0, 0, 0])
    assert.deepEqual([...histogram.buckets()], [])
  })

  test('quantiles are never too low and at most 19 % too high', () => {
    const histogram = new Histogram()
    for (let value = 1; value <= 10_000; value++) histogram.record(value / 10)
    for (const share of [0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = (share * 10_000) / 10
      const quantile = histogram.quantile(share)
      assert.ok(quantile >= exact * 0.999_999 && quantile <= exact * 1.19, `${share}: ${quantile} for ${exact}`)
    }
    assert.equal(histogram.quantile(1), 1_000)
    assert.equal(histogram.count, 10_000)
    assert.equal(Math.round(histogram.sum), 5_000_500)
  })

  test('every value has a bucket: zero, negative, not a number, tiny and huge', () => {
    const histogram = new Histogram()
    const values = [0, -1, Number.NaN, Number.MIN_VALUE, 2 ** -10, 1, 2 ** 40, 2 ** 41, Number.MAX_VALUE]
    for (const value of values) histogram.record(value)
    const buckets = [...histogram.buckets()]
    assert.equal(
      buckets.reduce((sum, { count }) => sum + count, 0),
      values.length,
    )
    assert.deepEqual(buckets[0], { end: 2 ** -10, count: 5 })
    assert.deepEqual(buckets.at(-2), { end: 2 ** 40, count: 1 })
    assert.deepEqual(buckets.at(-1), { end: Infinity, count: 2 })
  })

  test('a value that is the end of a bucket belongs to it', () => {
    const histogram = new Histogram()
    histogram.record(8)
    assert.deepEqual([...histogram.buckets()], [{ end: 8, count: 1 }])
  })

  test('reset forgets everything', () => {
    const histogram = new Histogram()
    histogram.record(1)
    histogram.reset()
    assert.deepEqual([histogram.count, histogram.max, [...histogram.buckets()].length], [0, 0, 0])
  })
})
