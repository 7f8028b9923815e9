import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EVENTS, type EventName, RARE_EVENTS } from './checkers/events.ts'
import { ManySeeds, type SeedSummary } from './many-seeds.ts'

function summary(events: readonly EventName[], fields: Partial<SeedSummary> = {}): SeedSummary {
  const counts = Object.fromEntries(events.map((name) => [name, 1]))
  return { seed: 1, anomalies: [], told: [], counts, cpuMs: 500, ...fields }
}

test('a hundred seeds in which an event has never occurred name it; fewer, or those with all, name none', () => {
  const [few, lacking, whole] = [new ManySeeds(), new ManySeeds(), new ManySeeds()]
  for (let i = 0; i < 99; i++) few.add(summary(['crash']))
  assert.deepEqual(few.absent, [])
  const most = EVENTS.filter((name) => name !== 'divergence' && !RARE_EVENTS.includes(name))
  for (let i = 0; i < 100; i++) lacking.add(summary(most))
  assert.deepEqual(lacking.absent, ['divergence'])
  for (let i = 0; i < 100; i++) whole.add(summary(i === 50 ? EVENTS : most))
  assert.deepEqual(whole.absent, [])
})

test('failed seeds are counted, and what a seed costs is their mean', () => {
  const many = new ManySeeds()
  many.add(summary(['crash'], { anomalies: ['lost: a', 'lost: b'], cpuMs: 300 }))
  many.add(summary(['crash', 'pause']))
  assert.deepEqual([many.seeds, many.failed, many.cpuSecondsEach], [2, 1, 0.4])
  assert.match(many.line, /^crash: 2, /)
})
