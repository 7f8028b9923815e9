import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rowTitle } from './row-title.ts'

test('a row that writes is named with its durability', () => {
  assert.equal(rowTitle({ name: 'produce', durability: 'synced' }), 'produce (synced)')
  assert.equal(rowTitle({ name: 'start', durability: null }), 'start')
})
