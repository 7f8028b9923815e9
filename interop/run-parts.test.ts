import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chosenParts } from './run-parts.ts'

const all = [{ name: 'kafka-topics: create' }, { name: 'kafka-topics: alter' }, { name: 'kafka-configs' }]

test('a word chooses every part that has it in its name, and none chooses all', () => {
  assert.deepEqual(chosenParts(all, []), all)
  assert.deepEqual(chosenParts(all, ['topics']), all.slice(0, 2))
  assert.deepEqual(chosenParts(all, ['configs', 'alter']), all.slice(1))
})

test('a word that chooses nothing is an error, not a success', () => {
  assert.throws(() => chosenParts(all, ['topics', 'tpoics']), /Cannot run "tpoics"/)
})
