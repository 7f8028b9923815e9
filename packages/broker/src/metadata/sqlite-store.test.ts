import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, it } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { openSqliteStore, SQLITE_FILE } from './sqlite-store.ts'
import type { MetadataStore } from './store.ts'
import { storeContract } from './store-contract.ts'

const directory = mkdtempSync(join(tmpdir(), 'ottla-metadata-'))
after(() => rmSync(directory, { recursive: true }))
const paths = new Map<MetadataStore, string>()

async function open(path: string, options: { historyRevisionsMax?: number } = {}): Promise<MetadataStore> {
  const store = await openSqliteStore({ path, timers: systemTimers, ...options })
  paths.set(store, path)
  return store
}

storeContract('the SQLite store', {
  open: (options) => open(join(directory, `${paths.size}-${SQLITE_FILE}`), options),
  // The crashed store stays open, as a killed process would have left its file: nothing was tidied up.
  reopenAfterCrash: (store) => open(paths.get(store)!),
})

it('keeps its file in write-ahead mode', async () => {
  const path = join(directory, 'settings.sqlite')
  await using _store = await openSqliteStore({ path, timers: systemTimers })
  const database = new DatabaseSync(path)
  assert.equal(database.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal')
  database.close()
})

it('refuses a file of a later form', async () => {
  const path = join(directory, 'later.sqlite')
  const database = new DatabaseSync(path)
  database.exec('PRAGMA user_version = 2')
  database.close()
  await assert.rejects(openSqliteStore({ path, timers: systemTimers }), /its form is 2/)
})

it('writes in a turn of its own, and tells who disposes meanwhile that nothing is known', async () => {
  const time = new FakeTime()
  const store = await openSqliteStore({ path: join(directory, 'turns.sqlite'), timers: time })
  const commit = { ifRevision: [], puts: [{ key: 'k', value: 'v' }], deletes: [] }
  const committed = store.commit(commit)
  assert.deepEqual((await store.read('')).entries, [])
  time.turn()
  assert.deepEqual(await committed, { type: 'committed', revision: 1 })
  assert.equal((await store.read('')).entries.length, 1)
  const late = store.commit(commit)
  await store[Symbol.asyncDispose]()
  time.turn()
  assert.deepEqual(await late, { type: 'unknown' })
})
