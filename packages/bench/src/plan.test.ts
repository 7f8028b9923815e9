import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Generators } from './generators.ts'
import { allGroups, missingFor, selectGroups } from './plan.ts'

const all = allGroups().flatMap((group) => group.rows)

function namesOf(selection: Parameters<typeof selectGroups>[1]): string[] {
  return selectGroups(allGroups(), selection).flatMap((group) => group.rows.map((row) => row.name))
}

test('every row has a name of its own and figures that differ', () => {
  assert.equal(new Set(all.map((row) => row.name)).size, all.length)
  for (const { figures } of all) assert.equal(new Set(figures.map(({ name }) => name)).size, figures.length)
})

test('a row with a topic is in a group with a broker', () => {
  for (const { hasBroker, rows } of allGroups())
    for (const row of rows) assert.equal(row.partitions !== undefined, hasBroker)
})

test('every row with a target is in the quick table', () => {
  for (const { name, figures, quick } of all)
    if (figures.some(({ target }) => target !== undefined)) assert.ok(quick, name)
})

test('the quick table is a part of the whole one', () => {
  const quick = namesOf({ quick: true, only: null })
  assert.deepEqual(
    namesOf({ quick: false, only: null }),
    all.map((row) => row.name),
  )
  assert.ok(quick.length > 0 && quick.length < all.length)
})

test('rows are chosen by name, and empty groups go', () => {
  const groups = selectGroups(allGroups(), { quick: false, only: /^latency/ })
  assert.deepEqual(
    groups.map((group) => group.name),
    ['latency'],
  )
  assert.deepEqual(selectGroups(allGroups(), { quick: false, only: /no such row/ }), [])
})

test('a row that is named runs also when quick', () => {
  assert.deepEqual(namesOf({ quick: true, only: /1000 partitions$/ }).length, 4)
})

test('a row whose generator could not be built tells why', () => {
  const generators: Generators = {
    librdkafka: { missing: 'no header' },
    'raw-produce': { path: '/x' },
    latency: { path: '/y' },
  }
  const reasons = all.map((row) => missingFor(row, generators))
  for (const [index, { needs }] of all.entries())
    assert.equal(reasons[index], needs === 'librdkafka' ? 'no header' : null)
})
