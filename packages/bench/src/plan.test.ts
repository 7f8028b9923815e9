import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@ottla/base/clock.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import type { Generators } from './generators.ts'
import { allGroups, missingFor, obstacleFor, selectGroups, warmUpRows } from './plan.ts'
import { rowTitle } from './row-title.ts'

const all = allGroups().flatMap((group) => group.rows)

function namesOf(selection: Parameters<typeof selectGroups>[1]): string[] {
  return selectGroups(allGroups(), selection).flatMap((group) => group.rows.map(rowTitle))
}

test('every row has a name of its own and figures that differ', () => {
  assert.equal(new Set(all.map(rowTitle)).size, all.length)
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

test('a row states its durability where something is written', () => {
  for (const { hasBroker, rows } of allGroups())
    for (const { durability, name } of rows) assert.equal(durability !== null, hasBroker, name)
})

test('a fresh broker is loaded with rows of every kind', () => {
  assert.deepEqual(warmUpRows(allGroups()).length, 6)
})

test('the quick table is a part of the whole one', () => {
  const quick = namesOf({ quick: true, only: null })
  const byDefault = allGroups().filter(({ isByName = false }) => !isByName)
  assert.deepEqual(
    namesOf({ quick: false, only: null }),
    byDefault.flatMap(({ rows }) => rows.map(rowTitle)),
  )
  assert.ok(quick.length > 0 && quick.length < all.length)
})

test('rows of groups run only when they are asked for', () => {
  assert.ok(!namesOf({ quick: false, only: null }).some((name) => name.includes('KIP-848')))
  assert.equal(namesOf({ quick: true, only: /group/ }).length, 4)
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
  const named = all.map(rowTitle).filter((title) => /1000 partitions/.test(title))
  assert.ok(named.length > 0)
  assert.deepEqual(namesOf({ quick: true, only: /1000 partitions/ }), named)
})

test('a row whose generator could not be built tells why', () => {
  const needed = new Set(all.flatMap(({ needs }) => needs ?? []))
  const built = [...needed].map((name) => [name, name === 'librdkafka' ? { missing: 'no header' } : { path: '/x' }])
  const generators = Object.fromEntries(built) as Generators
  const reasons = all.map((row) => missingFor(row, generators))
  for (const [index, { needs }] of all.entries())
    assert.equal(reasons[index], needs === 'librdkafka' ? 'no header' : null)
})

test('history is not read where the disk has no room for it', () => {
  const row = all.find(({ name }) => name.startsWith('history'))!
  const ports = { clock: systemClock, timers: systemTimers, disk: new MemoryDisk({ capacityBytes: 1e9 }) }
  const generators = { mixed: { path: '/x' } } as unknown as Generators
  assert.match(
    obstacleFor(row, { ports, generators, quick: false, directory: '/' })!,
    /^it needs 20\.0 GB of disk, there are /,
  )
})

test('a smaller history is said to be smaller', () => {
  const names = allGroups({ historyGigabytes: 2 }).flatMap(({ rows }) => rows.map(({ name }) => name))
  assert.ok(names.some((name) => name.startsWith('history of 2 GB')))
})
