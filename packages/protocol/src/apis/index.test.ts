import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { catalogue } from './index.ts'

test('the catalogue names each table by its key and loads it', async () => {
  for (const [key, entry] of catalogue) {
    const api = await entry.load()
    assert.equal(api.key, key)
    assert.equal(api.name, entry.name)
  }
})

test('each table file is in the catalogue, under the key in its name', () => {
  const keys = readdirSync(import.meta.dirname).flatMap((file) => /^(\d\d)-/.exec(file)?.[1] ?? [])
  assert.deepEqual(keys.map(Number), [...catalogue.keys()])
})
