import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Sample } from './plan.ts'
import { renderStorage } from './report.ts'

const TITLES = ['100 MB', '100 MB again', '30 GB']

/** `cpu` is the CPU time of a batch of each slot, in µs. */
function samples(cpu: readonly number[]): Sample[] {
  return TITLES.map((title, index) => ({
    ...{ experiment: 'sizes', title, topic: `size-${index}`, workload: 'append', round: 1 },
    ...{ batches: 1000, seconds: 0.1, cpuSeconds: cpu[index]! / 1000, userShare: 0.5 },
  }))
}

test('medians stand beside the spread of one thing measured twice, and the largest as a multiple of the smallest', () => {
  const all = [...samples([50, 50, 60]), ...samples([90, 50, 60]), ...samples([50, 60, 60])]
  const text = renderStorage({ samples: all, systemCalls: [], starts: [] })
  const line = text.split('\n').find((one) => one.startsWith('| append | CPU µs |'))
  assert.equal(line, '| append | CPU µs | 50 (50 % user) | 50 (50 % user) | 60 (50 % user) | 0 % | 1.2 |')
})

test('what was not counted is left open', () => {
  const text = renderStorage({ samples: samples([50, 50, 50]), systemCalls: [], starts: [] })
  assert.match(text, /\|\s+\| system calls \| – \| – \| – \| – % \| – \|/)
})
