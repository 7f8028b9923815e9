import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { NodeDisk } from '@ottla/base/node-disk.ts'
import { folderOf, loadOrder, measureStartBudget, moduleName, renderStartBudget } from './start-budget.ts'

/** An idle broker may hold 100 MB; one that was loaded piece by piece on some machine gets half as much again. */
const RESIDENT_BYTES_MAX = 150e6

test('modules are loaded behind those that they import', () => {
  const order = loadOrder([
    ['', 'file:///main.ts'],
    ['file:///main.ts', 'file:///a.ts'],
    ['file:///main.ts', 'file:///b.ts'],
    ['file:///a.ts', 'file:///c.ts'],
    ['file:///b.ts', 'file:///c.ts'],
    ['file:///c.ts', 'node:fs'],
    ['file:///c.ts', 'file:///a.ts'],
  ])
  assert.deepEqual(order, ['node:fs', 'file:///c.ts', 'file:///a.ts', 'file:///b.ts', 'file:///main.ts'])
})

test('what packages load counts as theirs, and what cannot be imported alone is left to its owner', () => {
  const entry = 'file:///x/node_modules/lib/index.js'
  const order = loadOrder([
    ['file:///root.ts', entry],
    [entry, 'file:///x/node_modules/lib/inner.js'],
    ['file:///root.ts', 'file:///x/addon.node'],
  ])
  assert.deepEqual(order, [entry])
})

test('names are short and say the folder', () => {
  assert.equal(moduleName('file:///home/me/ottla/packages/broker/src/log/segment.ts'), 'broker/log/segment.ts')
  assert.equal(moduleName('file:///home/me/ottla/node_modules/@x/lib/index.js'), 'packages/@x/lib/index.js')
  assert.equal(moduleName('node:sqlite'), 'node:sqlite')
  assert.equal(folderOf('broker/log/segment.ts'), 'broker/log')
  assert.equal(folderOf('node:sqlite'), 'node:')
  assert.equal(folderOf('Broker.start'), 'Broker.start')
})

test('the start of a broker has its cost told module by module, and stays inside its memory', async () => {
  const budget = await measureStartBudget(new NodeDisk(), `${tmpdir()}/ottla-budget-test-${process.pid}`)
  const names = budget.modules.map(({ name }) => name)
  for (const name of ['node:sqlite', 'broker/metadata/sqlite-store.ts', 'protocol/codec.ts', 'broker/broker.ts']) {
    assert.ok(names.includes(name), name)
  }
  assert.equal(names.at(-1), 'Broker.start')
  assert.ok(names.indexOf('protocol/codec.ts') < names.indexOf('broker/broker.ts'))
  assert.ok(budget.modules.every(({ ms }) => ms >= 0))
  assert.ok(
    budget.residentBytes > budget.bareBytes && budget.residentBytes < RESIDENT_BYTES_MAX,
    `${budget.residentBytes} bytes`,
  )
  const lines = renderStartBudget(budget).split('\n')
  for (const name of names)
    assert.ok(
      lines.some((line) => line.startsWith(`${name} `)),
      name,
    )
})
