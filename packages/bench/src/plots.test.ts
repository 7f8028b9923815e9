import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plotsOf } from './plots.ts'
import { reportOf, rowOf, sampleOf } from './testing/samples.ts'

const curve = (ms: number) => [50, 90, 99].map((percentile) => ({ percentile, ms: ms * percentile }))
const results = [
  {
    ...{ row: rowOf('fast row', [{ name: 'messages/s' }], 'cached'), failures: [], skipped: null },
    samples: [
      sampleOf('ottla', { 'messages/s': 1000, 'MB/s': 2 }, { residentBytes: 90e6, brokerCpuPerGigabyte: 3 }),
      sampleOf('kafka', { 'messages/s': 500, 'MB/s': 1 }, { residentBytes: 900e6, brokerCpuPerGigabyte: 6 }),
    ],
  },
  {
    ...{ row: rowOf('a latency', [{ name: 'p99 ms' }], 'synced'), failures: [], skipped: null },
    samples: [
      sampleOf('ottla', { 'p99 ms': 1 }, { latencies: curve(1), loopDelay: { p50Ms: 1, p99Ms: 2, maxMs: 3 } }),
      sampleOf('ottla', { 'p99 ms': 1 }, { latencies: curve(3) }),
      sampleOf('kafka', { 'p99 ms': 1 }, { latencies: curve(2) }),
    ],
  },
  { row: rowOf('absent', []), samples: [], failures: [], skipped: 'cc failed' },
]
const plots = plotsOf(reportOf(['ottla', 'kafka'], results))
const named = (name: string) => plots.find((plot) => plot.name === name)!.svg

test('there is a plot for each kind of figure that was measured, and a curve for each row of latency', () => {
  const names = ['messages', 'megabytes', 'cpu', 'resident', 'loop-delay', 'a-latency-synced']
  assert.deepEqual(
    plots.map(({ name }) => name),
    names,
  )
})

test('rows are named with their durability, and bars are in the colours of the legend', () => {
  const svg = named('messages')
  assert.match(svg, />fast row \(cached\)</)
  for (const name of ['ottla', 'kafka']) assert.match(svg, new RegExp(`>${name}<`))
  assert.doesNotMatch(svg, /a latency/)
})

test('who has none of a figure is not in its legend', () => {
  assert.match(named('loop-delay'), />ottla</)
  assert.doesNotMatch(named('loop-delay'), />kafka</)
})

test('machine, versions and settings stand beneath', () => {
  for (const fact of [/Some CPU/, /kafka 1\.0/, /flush\.messages=1/, /whiskers/]) assert.match(named('cpu'), fact)
})

test('a curve is the median of its repetitions', () => {
  assert.equal(named('a-latency-synced').match(/<polyline/g)!.length, 2)
  assert.equal(named('a-latency-synced').match(/<circle/g)!.length, 6)
})
