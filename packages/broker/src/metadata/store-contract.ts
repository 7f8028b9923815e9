/** What every metadata store promises, as tests: run by each implementation's own test file. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ChangeSet, Lease, MetadataStore, WatchEvent } from './store.ts'

export interface StoreHarness {
  /** A new and empty store that remembers this many revisions. */
  open(options?: { historyRevisionsMax?: number }): Promise<MetadataStore>
  /** The same content, opened by another process after the first one crashed. */
  reopenAfterCrash(store: MetadataStore): Promise<MetadataStore>
  /** Where it can happen: the next commit has its effect, and its answer does not arrive. */
  loseNextAnswer?(store: MetadataStore): Promise<void>
  /** Where it can happen: the store takes the lease for dead, as if its holder had not been heard of. */
  endLease?(store: MetadataStore, lease: Lease): Promise<void>
  /** How a test waits for what comes by itself. */
  settle?(): Promise<void>
}

const put = (key: string, value: string): ChangeSet => ({ ifRevision: [], puts: [{ key, value }], deletes: [] })

async function committed(store: MetadataStore, changes: ChangeSet & { lease?: Lease }): Promise<number> {
  const outcome = await store.commit(changes)
  assert.equal(outcome.type, 'committed')
  return outcome.type === 'committed' ? outcome.revision : 0
}

async function take(store: MetadataStore, after: number, count: number): Promise<WatchEvent[]> {
  const stop = new AbortController()
  const events: WatchEvent[] = []
  for await (const event of store.watch(after, { signal: stop.signal })) {
    events.push(event)
    if (events.length === count) break
  }
  return events
}

/** What does not come by itself in so many looks does not come. */
const LOOKS_MAX = 1000

async function until(isThere: () => boolean | Promise<boolean>, settle: StoreHarness['settle']): Promise<void> {
  for (let looks = 0; !(await isThere()); looks++) {
    assert.ok(looks < LOOKS_MAX, 'it does not come')
    await settle?.()
  }
}

export function storeContract(name: string, harness: StoreHarness): void {
  describe(`${name} keeps the contract of a metadata store`, () => {
    it('reads what was committed, by prefix, in order of keys', async () => {
      await using store = await harness.open()
      const first = await committed(store, put('b/2', 'two'))
      const second = await committed(store, {
        ifRevision: [],
        puts: [
          { key: 'b/1', value: 'one ✓' },
          { key: 'c', value: '' },
        ],
        deletes: [],
      })
      assert.deepEqual(await store.read('b/'), {
        revision: second,
        entries: [
          { key: 'b/1', value: 'one ✓', revision: second },
          { key: 'b/2', value: 'two', revision: first },
        ],
      })
    })

    it('gives each commit the next revision', async () => {
      await using store = await harness.open()
      const first = await committed(store, put('a', '1'))
      assert.equal(await committed(store, put('b', '1')), first + 1)
      assert.equal((await store.read('')).revision, first + 1)
    })

    it('refuses a commit whose compare does not hold, and changes nothing', async () => {
      await using store = await harness.open()
      const revision = await committed(store, put('a', '1'))
      const stale = {
        ifRevision: [{ key: 'a', revision: revision - 1 }],
        puts: [{ key: 'a', value: '2' }],
        deletes: ['b'],
      }
      assert.deepEqual(await store.commit(stale), { type: 'conflict' })
      assert.deepEqual(await store.commit({ ...put('z', '1'), ifRevision: [{ key: 'a', revision: 0 }] }), {
        type: 'conflict',
      })
      assert.deepEqual(await store.read(''), { revision, entries: [{ key: 'a', value: '1', revision }] })
    })

    it('takes revision 0 for absent, also after a removal', async () => {
      await using store = await harness.open()
      const create = { ...put('a', '1'), ifRevision: [{ key: 'a', revision: 0 }] }
      await committed(store, create)
      await committed(store, { ifRevision: [], puts: [], deletes: ['a', 'never there'] })
      await committed(store, create)
    })

    it('tells a watch every revision, whole and in order, whether before or after it began', async () => {
      await using store = await harness.open()
      const start = (await store.read('')).revision
      await committed(store, put('a', '1'))
      const events = take(store, start, 3)
      await committed(store, { ifRevision: [], puts: [{ key: 'b', value: '2' }], deletes: ['a'] })
      await committed(store, { ifRevision: [], puts: [], deletes: ['nothing'] })
      assert.deepEqual(await events, [
        { type: 'revision', revision: start + 1, changes: [{ key: 'a', value: '1', revision: start + 1 }] },
        {
          type: 'revision',
          revision: start + 2,
          changes: [
            { key: 'b', value: '2', revision: start + 2 },
            { key: 'a', value: null, revision: start + 2 },
          ],
        },
        { type: 'revision', revision: start + 3, changes: [] },
      ])
    })

    it('goes on with a watch from any revision that it remembers', async () => {
      await using store = await harness.open()
      const first = await committed(store, put('a', '1'))
      await committed(store, put('a', '2'))
      const [event] = await take(store, first, 1)
      assert.equal(event?.type === 'revision' && event.changes[0]?.value, '2')
    })

    it('ends a watch with compacted when history does not reach back', async () => {
      await using store = await harness.open({ historyRevisionsMax: 2 })
      const start = (await store.read('')).revision
      for (const value of ['1', '2', '3']) await committed(store, put('a', value))
      assert.deepEqual(await take(store, start, 9), [{ type: 'compacted' }])
      assert.equal((await take(store, start + 1, 2)).length, 2)
    })

    it('ends a watch when its signal aborts and when the store is disposed', async () => {
      const store = await harness.open()
      const { revision } = await store.read('')
      const stop = new AbortController()
      const aborted = Array.fromAsync(store.watch(revision, { signal: stop.signal }))
      const disposed = Array.fromAsync(store.watch(revision, { signal: new AbortController().signal }))
      stop.abort()
      assert.deepEqual(await aborted, [])
      await store[Symbol.asyncDispose]()
      assert.deepEqual(await disposed, [])
    })

    it('removes the keys of a lease when it is released, as a revision of its own', async () => {
      await using store = await harness.open()
      const lease = await store.lease(1000)
      await committed(store, put('stays', '1'))
      const revision = await committed(store, { ...put('goes', '1'), lease })
      await lease.release()
      await lease.release()
      assert.equal(lease.lost.aborted, true)
      const [event] = await take(store, revision, 1)
      const changes = [{ key: 'goes', value: null, revision: revision + 1 }]
      assert.deepEqual(event, { type: 'revision', revision: revision + 1, changes })
    })

    it('frees a key from its lease when it is put without one', async () => {
      await using store = await harness.open()
      const lease = await store.lease(1000)
      await committed(store, { ...put('a', '1'), lease })
      await committed(store, put('a', '2'))
      await lease.release()
      assert.equal((await store.read('a')).entries.length, 1)
    })

    it('refuses commits with a lease that has ended', async () => {
      await using store = await harness.open()
      const lease = await store.lease(1000)
      await lease.release()
      assert.deepEqual(await store.commit({ ...put('a', '1'), lease }), { type: 'conflict' })
    })

    it('refuses commits that only remove, with a lease that has ended', async () => {
      await using store = await harness.open()
      const lease = await store.lease(1000)
      await committed(store, put('a', '1'))
      await lease.release()
      assert.deepEqual(await store.commit({ ifRevision: [], puts: [], deletes: ['a'], lease }), { type: 'conflict' })
      assert.equal((await store.read('a')).entries.length, 1)
    })

    it('says of a lease whether it lives, also without waiting for its signal', async () => {
      await using store = await harness.open()
      const lease = await store.lease(1000)
      assert.equal(lease.isLive(), true)
      await lease.release()
      assert.equal(lease.isLive(), false)
    })

    it('gives every lease an epoch above all that it gave before', async () => {
      await using store = await harness.open()
      await using first = await store.lease(1000)
      await using second = await store.lease(1000)
      await committed(store, put('a', '1'))
      await using third = await store.lease(1000)
      assert.ok(first.epoch < second.epoch && second.epoch < third.epoch)
    })

    it('reads more entries than fit a page, all of one revision', async () => {
      await using store = await harness.open()
      const keys = Array.from({ length: 1100 }, (_, i) => `many/${String(i).padStart(4, '0')}`)
      for (let i = 0; i < keys.length; i += 100) {
        const puts = keys.slice(i, i + 100).map((key) => ({ key, value: 'x'.repeat(100) }))
        await committed(store, { ifRevision: [], puts, deletes: [] })
      }
      const reading = store.read('many/')
      const writing = store.commit({ ifRevision: [], puts: [{ key: keys.at(-1)!, value: 'new' }], deletes: [keys[0]!] })
      const { revision, entries } = await reading
      const isBefore = entries[0]?.key === keys[0]
      assert.deepEqual(
        entries.map(({ key }) => key),
        isBefore ? keys : keys.slice(1),
      )
      assert.equal(entries.at(-1)?.value === 'new', !isBefore, 'both changes are there, or none')
      assert.ok(entries.every((entry) => entry.revision <= revision))
      await writing
    })

    it('takes 128 operations, and for a bug one more, a key twice, a key of its own, and a megabyte', async () => {
      await using store = await harness.open()
      const puts = Array.from({ length: 128 }, (_, i) => ({ key: `k${i}`, value: '' }))
      await committed(store, { ifRevision: [], puts, deletes: [] })
      await committed(store, { ifRevision: [], puts: [], deletes: puts.slice(1).map(({ key }) => key) })
      const refused: readonly (readonly [ChangeSet, RegExp])[] = [
        [{ ifRevision: [], puts, deletes: ['more'] }, /too many operations/],
        [{ ifRevision: [], puts: [], deletes: puts.map(({ key }) => key) }, /too many operations/],
        [{ ...put('a', '1'), deletes: ['a'] }, /a key twice/],
        [put('~own', '1'), /not before "~"/],
        [put('', '1'), /a key that is empty/],
        [put('a', 'x'.repeat(1024 * 1024)), /too many bytes/],
      ]
      for (const [changes, told] of refused) await assert.rejects(store.commit(changes), told)
    })

    it('holds a document of nearly a megabyte', async () => {
      await using store = await harness.open()
      const value = 'x'.repeat(1024 * 1024 - 3)
      const start = await committed(store, put('a', '1'))
      await committed(store, put('big', value))
      assert.equal((await store.read('big')).entries[0]?.value, value)
      const [event] = await take(store, start, 1)
      assert.equal(event?.type === 'revision' && event.changes[0]?.value, value)
    })

    it('lets go of history without a complaint, and of nothing else', async () => {
      await using store = await harness.open()
      const first = await committed(store, put('a', '1'))
      const last = await committed(store, put('b', '1'))
      await store.compact(first)
      await store.compact(first)
      assert.equal((await store.read('')).entries.length, 2)
      assert.equal((await take(store, first, 1))[0]?.type, 'revision')
      assert.equal((await store.read('')).revision, last)
    })

    const { loseNextAnswer, endLease, settle } = harness
    const lossy = loseNextAnswer === undefined ? { skip: 'its answers cannot be lost' } : {}
    it('calls a commit whose answer is lost unknown, and shows what became of it when read', lossy, async () => {
      await using store = await harness.open()
      const before = await committed(store, put('a', '1'))
      await loseNextAnswer?.(store)
      const change = { ...put('a', '2'), ifRevision: [{ key: 'a', revision: before }] }
      assert.deepEqual(await store.commit(change), { type: 'unknown' })
      await until(async () => (await store.read('a')).entries[0]?.value === '2', settle)
      assert.deepEqual(await store.commit(change), { type: 'conflict' }, 'the same change is not made twice')
    })

    const mortal = endLease === undefined ? { skip: 'its leases last as long as the store' } : {}
    it('aborts a lease that ended elsewhere, and its keys are gone by then', mortal, async () => {
      await using store = await harness.open()
      const lease = await store.lease(1000)
      await committed(store, { ...put('goes', '1'), lease })
      await endLease?.(store, lease)
      await until(() => lease.lost.aborted, settle)
      assert.equal(lease.isLive(), false)
      assert.equal((await store.read('goes')).entries.length, 0)
      assert.deepEqual(await store.commit({ ...put('a', '1'), lease }), { type: 'conflict' })
    })

    it('keeps what was committed over a crash, and drops the leases of the dead', async () => {
      const store = await harness.open()
      const lease = await store.lease(1000)
      await committed(store, put('stays', '1'))
      const revision = await committed(store, { ...put('goes', '1'), lease })
      await using reopened = await harness.reopenAfterCrash(store)
      const { entries, revision: after } = await reopened.read('')
      assert.deepEqual(
        entries.map(({ key }) => key),
        ['stays'],
      )
      assert.equal(after, revision + 1)
      assert.ok((await reopened.lease(1000)).epoch > lease.epoch, 'a lease epoch is never given twice')
    })

    it('ends its leases when it is disposed, and disposes twice', async () => {
      const store = await harness.open()
      const lease = await store.lease(1000)
      await store[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      assert.equal(lease.lost.aborted, true)
    })
  })
}
