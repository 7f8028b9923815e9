import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type MemoryContent, MemoryStore, memoryContent } from './memory-store.ts'
import type { MetadataStore } from './store.ts'
import { storeContract } from './store-contract.ts'

const contents = new WeakMap<MetadataStore, MemoryContent>()

function open(content: MemoryContent, options: { historyRevisionsMax?: number } = {}): MemoryStore {
  const store = new MemoryStore({ content, ...options })
  contents.set(store, content)
  return store
}

storeContract('the memory store', {
  open: async (options) => open(memoryContent(), options),
  reopenAfterCrash: async (store) => open(contents.get(store)!),
})

const change = { ifRevision: [], puts: [{ key: 'a', value: '1' }], deletes: [] }

it('an unknown outcome may have had an effect, or none, and is injected once', async () => {
  const faults: { nextCommit?: 'unknown, applied' | 'unknown, lost' } = { nextCommit: 'unknown, lost' }
  await using store = new MemoryStore({ faults })
  assert.deepEqual(await store.commit(change), { type: 'unknown' })
  assert.equal((await store.read('')).entries.length, 0)
  faults.nextCommit = 'unknown, applied'
  assert.deepEqual(await store.commit(change), { type: 'unknown' })
  assert.equal((await store.read('')).entries.length, 1)
  assert.equal((await store.commit(change)).type, 'committed')
})

it('a lost lease aborts its signal and takes its keys along', async () => {
  await using store = new MemoryStore()
  const lease = await store.lease(1000)
  await store.commit({ ...change, lease })
  store.loseLease(lease.epoch)
  assert.equal(lease.lost.aborted, true)
  assert.equal((await store.read('')).entries.length, 0)
})

it('a commit of more operations than etcd takes is a bug of the caller', async () => {
  await using store = new MemoryStore()
  const puts = Array.from({ length: 129 }, (_, i) => ({ key: `k${i}`, value: '' }))
  await assert.rejects(store.commit({ ifRevision: [], puts, deletes: [] }), /too many operations/)
  assert.equal((await store.commit({ ifRevision: [], puts: puts.slice(1), deletes: [] })).type, 'committed')
})
