import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FigureLine, figureLines, isCost, judge } from './comparison.ts'
import type { ContestantName } from './contestants/contestant.ts'
import { rowOf, sampleOf } from './testing/samples.ts'

function lineOf(name: string, medians: Partial<Record<ContestantName, number>>, required: number | null): FigureLine {
  const summaries = Object.entries(medians).map(
    ([contestant, median]) => [contestant as ContestantName, { median, min: median, max: median, spread: 0 }] as const,
  )
  return { name, required, summaries: new Map(summaries) }
}

test('a rate is as good as it is high, a time as it is low', () => {
  assert.deepEqual(judge(lineOf('messages/s', { ottla: 300, kafka: 200 }, 1), 'kafka'), { ratio: 1.5, isMet: true })
  assert.deepEqual(judge(lineOf('p99 ms', { ottla: 3, kafka: 2 }, 1), 'kafka'), { ratio: 2 / 3, isMet: false })
})

test('what is required is met at its very value', () => {
  assert.equal(judge(lineOf('idle MB', { ottla: 100, kafka: 200 }, 2), 'kafka')?.isMet, true)
  assert.equal(judge(lineOf('idle MB', { ottla: 100, kafka: 199 }, 2), 'kafka')?.isMet, false)
})

test('a figure that only explains has a ratio and no verdict', () => {
  assert.deepEqual(judge(lineOf('max ms', { ottla: 1, kafka: 4 }, null), 'kafka'), { ratio: 4, isMet: null })
})

test('there is no verdict where one of both was not measured, or measured nothing', () => {
  assert.equal(judge(lineOf('messages/s', { ottla: 1 }, 1), 'kafka'), null)
  assert.equal(judge(lineOf('messages/s', { kafka: 1 }, 1), 'kafka'), null)
  assert.equal(judge(lineOf('messages/s', { ottla: 1, kafka: 0 }, 1), 'kafka'), null)
})

test('a cost of nothing is infinitely better than some, and no better than nothing', () => {
  const free = judge(lineOf('idle CPU ms', { ottla: 0, kafka: 3 }, 2), 'kafka')
  assert.deepEqual(free, { ratio: Number.POSITIVE_INFINITY, isMet: true })
  assert.equal(judge(lineOf('idle CPU ms', { ottla: 0, kafka: 0 }, 2), 'kafka'), null)
})

test("the unit, a figure's last word, tells whether less is better", () => {
  for (const name of ['p99.9 ms', 'idle MB', 'broker CPU s/GB', 'load CPU s/M']) assert.ok(isCost(name), name)
  for (const name of ['messages/s', 'MB/s', 'requests/s']) assert.ok(!isCost(name), name)
})

test('a row asks the same of all its figures, but of those that say otherwise', () => {
  const figures = [{ name: 'a ms' }, { name: 'b ms', required: 3 }, { name: 'c ms', required: null }]
  const row = { ...rowOf('row', figures), required: 2 }
  const samples = [sampleOf('ottla', { 'a ms': 1, 'b ms': 1, 'c ms': 1 })]
  const own = figureLines({ row, samples }).slice(0, 3)
  assert.deepEqual(
    own.map(({ name, required }) => [name, required]),
    [
      ['a ms', 2],
      ['b ms', 3],
      ['c ms', null],
    ],
  )
  const plain = figureLines({ row: rowOf('row', figures), samples })
  assert.equal(plain[0]!.required, 1)
})

test('figures that were not measured have no line, and each contestant is summed up for itself', () => {
  const samples = [
    sampleOf('ottla', { rate: 1 }, { residentBytes: 80e6 }),
    sampleOf('ottla', { rate: 3 }, { residentBytes: 90e6 }),
    sampleOf('kafka', { rate: 7 }, { residentBytes: 900e6 }),
  ]
  const lines = figureLines({ row: rowOf('row', [{ name: 'rate' }, { name: 'absent' }]), samples })
  assert.deepEqual(
    lines.map(({ name }) => name),
    ['rate', 'resident MB'],
  )
  assert.deepEqual(lines[0]!.summaries.get('ottla'), { median: 2, min: 1, max: 3, spread: 1 })
  assert.equal(lines[0]!.summaries.get('kafka')?.median, 7)
  assert.deepEqual(judge(lines[1]!, 'kafka'), { ratio: 900 / 85, isMet: true })
})
