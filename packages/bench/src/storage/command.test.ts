import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UsageError } from '../arguments.ts'
import { parseStorageArguments } from './command.ts'
import { partitionSlots, sizeSlots } from './plan.ts'

test('sizes and partition counts have defaults, and zero leaves them out', () => {
  const options = parseStorageArguments(['measure', '--data', '/d', '--partitions', '0', '--rounds', '2'])
  assert.deepEqual(options.sizes, [0.1, 1, 10, 30])
  assert.deepEqual(options.partitions, [])
  assert.equal(options.rounds, 2)
})

test('without an act, a directory or with what is no number nothing is run', () => {
  for (const argv of [[], ['measure'], ['dance', '--data', '/d'], ['measure', '--data', '/d', '--sizes', 'x']]) {
    assert.throws(() => parseStorageArguments(argv), UsageError)
  }
})

test('the smallest is there twice, as if it were two', () => {
  const titles = sizeSlots([0.1, 30]).map(({ title }) => title)
  assert.deepEqual(titles, ['100 MB', '100 MB again', '30 GB'])
  assert.equal(new Set(partitionSlots([1, 10_000]).map(({ broker }) => broker)).size, 3)
})
