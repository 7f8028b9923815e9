import assert from 'node:assert/strict'
import { test } from 'node:test'
import { meets, numberText, type Report, renderReport, renderTable, reportData, targetText } from './report.ts'
import type { RowResult } from './row.ts'
import { reportOf, rowOf, sampleOf } from './testing/samples.ts'

const cpu = (seconds: number) => ({ brokerCpuPerMillion: seconds, residentBytes: 100e6 })
const fast = rowOf('fast', [{ name: 'rate', target: { atLeast: 1000 } }], 'cached')
const slow = rowOf('slow', [{ name: 'rate', target: { atLeast: 1000 } }])
const kafkaFailed = { contestant: 'kafka' as const, repetition: 2, reason: 'the broker ended' }
const results: RowResult[] = [
  {
    ...{ row: fast, failures: [], skipped: null },
    samples: [
      ...[sampleOf('ottla', { rate: 2000 }, cpu(0.5)), sampleOf('ottla', { rate: 2200 }, cpu(0.25))],
      ...[sampleOf('ottla', { rate: 1900 }, cpu(1)), sampleOf('kafka', { rate: 1000 }, cpu(2))],
    ],
  },
  { row: slow, samples: [sampleOf('ottla', { rate: 900 })], failures: [kafkaFailed], skipped: null },
  { row: rowOf('absent', []), samples: [], failures: [], skipped: 'cc failed' },
]
const alone = reportOf(['ottla'], results)
const against = reportOf(['ottla', 'kafka'], results)

function cellsOf(report: Report, start: RegExp): string[] {
  const line = renderReport(report)
    .split('\n')
    .find((text) => start.test(text))!
  return line.trim().split(/ {2,}/)
}

test('a line has median, spread, target and whether it was met', () => {
  assert.deepEqual(cellsOf(alone, /^fast /), ['fast (cached)', 'rate', '2,000', '15 %', '≥ 1,000', 'met'])
  assert.deepEqual(cellsOf(alone, /^slow /), ['slow', 'rate', '900', '0 %', '≥ 1,000', 'MISSED'])
})

test('beside another broker a line has its figures too, the ratio, and whether that is enough', () => {
  const expected = ['2,000', '15 %', '1,000', '0 %', '2.00', '≥ 1', 'met', '≥ 1,000', 'met']
  assert.deepEqual(cellsOf(against, /^fast /), ['fast (cached)', 'rate', ...expected])
  assert.deepEqual(cellsOf(against, /^slow /).slice(2, 7), ['900', '0 %', '–', '–', '–'])
})

test('what was read of the broker has a line of its own, judged only where something is required', () => {
  assert.deepEqual(cellsOf(against, /broker CPU s\/M/), ['broker CPU s/M', '0.5', '150 %', '2', '0 %', '4.00'])
  const resident = ['resident MB', '100', '0 %', '100', '0 %', '1.00', '≥ 2', 'MISSED']
  assert.deepEqual(cellsOf(against, /resident MB/), resident)
})

test('what was skipped or failed is named with its reason', () => {
  const text = renderReport(against)
  assert.match(text, /^Skipped: absent: cc failed$/m)
  assert.match(text, /^Failed: slow, kafka: the broker ended$/m)
})

test('machine, versions, file system, settings and durability stand above the table', () => {
  const text = renderReport(against).split('workload')[0]!
  for (const fact of ['Some CPU', '2 cores', '24 GB', 'ext4 on /dev/vda', 'v26.0.0'])
    assert.ok(text.split('\n')[0]!.includes(fact), fact)
  assert.match(text, /^kafka: kafka 1\.0; its defaults; topics synced: flush\.messages=1, cached: default$/m)
  assert.match(text, /Durability: synced/)
})

test('the data hold every sample, and what they come to', () => {
  const { rows } = JSON.parse(JSON.stringify(reportData(against)))
  assert.deepEqual(
    rows.map(({ samples }: { samples: unknown[] }) => samples.length),
    [4, 1, 0],
  )
  assert.deepEqual(rows[0].samples[1], sampleOf('ottla', { rate: 2200 }, cpu(0.25)))
  assert.deepEqual(rows[0].figures[0].verdicts.kafka, { ratio: 2, isMet: true })
  assert.deepEqual(rows[1].failures, [kafkaFailed])
})

test('columns are as wide as their widest cell', () => {
  assert.deepEqual(
    renderTable(
      [
        ['a', 'b'],
        ['long', '1'],
        ['x', '100'],
      ],
      [0],
    ),
    ['a       b', 'long    1', 'x     100'],
  )
})

test('numbers have three digits, or all of the whole ones', () => {
  assert.deepEqual([1_234_567, 999.6, 12.345, 0.12345, 0].map(numberText), ['1,234,567', '1000', '12.3', '0.123', '0'])
})

test('a target is met at its very value', () => {
  assert.equal(targetText({ atLeast: 1_200_000 }), '≥ 1,200,000')
  assert.equal(targetText({ atMost: 0.2 }), '≤ 0.2')
  assert.deepEqual([meets(10, { atLeast: 10 }), meets(9.9, { atLeast: 10 })], [true, false])
  assert.deepEqual([meets(10, { atMost: 10 }), meets(10.1, { atMost: 10 })], [true, false])
})
