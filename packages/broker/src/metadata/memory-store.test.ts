import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type MemoryContent, type MemoryFaults, MemoryStore, memoryContent } from './memory-store.ts'
import type { MetadataStore } from './store.ts'
import { storeContract } from './store-contract.ts'

const contents = new WeakMap<MetadataStore, MemoryContent>()
const faultsOf = new WeakMap<MetadataStore, MemoryFaults>()

function open(content: MemoryContent, options: { historyRevisionsMax?: number } = {}): MemoryStore {
  const faults: MemoryFaults = {}
  const store = new MemoryStore({ content, faults, ...options })
  contents.set(store, content)
  faultsOf.set(store, faults)
  return store
}

storeContract('the memory store', {
  open: async (options) => open(memoryContent(), options),
  reopenAfterCrash: async (store) => open(contents.get(store)!),
  loseNextAnswer: async (store) => {
    faultsOf.get(store)!.nextCommit = 'unknown, applied'
  },
  endLease: async (store, lease) => (store as MemoryStore).loseLease(lease.epoch),
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
