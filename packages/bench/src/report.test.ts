import assert from 'node:assert/strict'
import { test } from 'node:test'
import { meets, numberText, type Report, renderReport, renderTable, reportData, targetText } from './report.ts'
import type { Row, RowResult, Sample } from './row.ts'

const machine = {
  cpu: 'Some CPU',
  cores: 2,
  memoryBytes: 24e9,
  system: 'Linux 6 x64',
  node: 'v26.0.0',
  fileSystem: 'ext4 on /dev/vda',
  load: [0.1, 0.2, 0.3],
}

function rowOf(name: string, figures: Row['figures']): Row {
  return { name, figures, quick: true, run: async () => ({ figures: {}, messages: 0, loadCpuPerMillion: null }) }
}

function sampleOf(rate: number, cpu: number | null): Sample {
  return { figures: { rate }, brokerCpuPerMillion: cpu, loadCpuPerMillion: null, residentBytes: 100e6 }
}

const fast = rowOf('fast', [{ name: 'rate', target: { atLeast: 1000 } }])
const slow = rowOf('slow', [{ name: 'rate', target: { atLeast: 1000 } }])
const results: RowResult[] = [
  { row: fast, samples: [sampleOf(2000, 0.5), sampleOf(2200, 0.25), sampleOf(1900, 1)], failures: [], skipped: null },
  { row: slow, samples: [sampleOf(900, null)], failures: ['the broker ended'], skipped: null },
  { row: rowOf('absent', []), samples: [], failures: [], skipped: 'cc failed' },
]
const report: Report = { machine, quick: false, repeat: 3, results }

test('a line has median, spread, target and whether it was met', () => {
  const lines = renderReport(report).split('\n')
  const cells = (name: string) => lines.find((line) => line.startsWith(`${name} `))!.split(/ {2,}/)
  assert.deepEqual(cells('fast'), ['fast', 'rate', '2,000', '15 %', '≥ 1,000', 'met', '0.5', '–', '100'])
  assert.deepEqual(cells('slow'), ['slow', 'rate', '900', '0 %', '≥ 1,000', 'MISSED', '–', '–', '100'])
})

test('what was skipped or failed is named with its reason', () => {
  const text = renderReport(report)
  assert.match(text, /^Skipped: absent: cc failed$/m)
  assert.match(text, /^Failed: slow: the broker ended$/m)
})

test('machine, versions, file system and durability stand above the table', () => {
  const [first = '', , durability = ''] = renderReport(report).split('\n')
  for (const fact of ['Some CPU', '2 cores', '24 GB', 'ext4 on /dev/vda', 'v26.0.0'])
    assert.ok(first.includes(fact), fact)
  assert.match(durability, /fdatasync/)
})

test('the data hold every sample', () => {
  const { rows } = reportData(report)
  assert.deepEqual(
    rows.map(({ name, samples }) => [name, samples.length]),
    [
      ['fast', 3],
      ['slow', 1],
      ['absent', 0],
    ],
  )
  assert.deepEqual(JSON.parse(JSON.stringify(rows[0]!.samples[1])), sampleOf(2200, 0.25))
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
