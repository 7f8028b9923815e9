import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePerfOutput } from './producer-perf.ts'

const PROGRESS = '48859 records sent, 9764.0 records/sec (9.54 MB/sec), 1637.0 ms avg latency, 2290.0 ms max latency.'
const SUMMARY =
  '100000 records sent, 15664.160401 records/sec (15.30 MB/sec), 1324.70 ms avg latency, 2290.00 ms max latency, 1313 ms 50th, 2189 ms 95th, 2264 ms 99th, 2280 ms 99.9th.'

test('of what kafka-producer-perf-test prints, the line of the whole run counts', () => {
  const expected = { records: 100_000, recordsPerSecond: 15664.160401, p50Ms: 1313, p99Ms: 2264 }
  assert.deepEqual(parsePerfOutput(`${PROGRESS}\n${SUMMARY}\n`), expected)
})

test('a run that did not come to its end has no figures', () => {
  assert.equal(parsePerfOutput(`${PROGRESS}\n`), null)
  assert.equal(parsePerfOutput(''), null)
})
