import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStore } from './memory-store.ts'
import { oneBroker } from './one-broker.ts'
import { type CommitOutcome, type CommitRequest, type Lease, type Snapshot, StoreUnavailable } from './store.ts'
import { STORE_AWAY_PAUSE_MS } from './until-answered.ts'

const AWAY_MS = 20_000
/** In the order that `oneBroker` takes them. */
const [CONTROLLER_LEASE, BROKER_LEASE] = [1, 2]

/** What a store is while nobody answers: commits are unknown, reads and leases unavailable. */
class AwayStore extends MemoryStore {
  isAway = false
  asked = 0

  override read(prefix: string, options?: { signal?: AbortSignal }): Promise<Snapshot> {
    return this.#whenHere(() => super.read(prefix, options))
  }

  override lease(ttlMs: number): Promise<Lease> {
    return this.#whenHere(() => super.lease(ttlMs))
  }

  override commit(request: CommitRequest): Promise<CommitOutcome> {
    return this.isAway ? Promise.resolve({ type: 'unknown' }) : super.commit(request)
  }

  async #whenHere<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    this.asked += 1
    if (this.isAway) throw new StoreUnavailable('etcd at http://nowhere:2379 does not answer')
    return ask()
  }
}

test('a store that is away ends no broker: it is heard no more, and again once the store is back', async () => {
  const store = new AwayStore()
  await using broker = await oneBroker({ store })
  const [registration] = broker.registrations
  assert.equal(registration!.isHeard, true)
  store.isAway = true
  store.asked = 0
  store.loseLease(CONTROLLER_LEASE)
  store.loseLease(BROKER_LEASE)
  await broker.timers.run(AWAY_MS)
  assert.deepEqual([registration!.isHeard, broker.controller.isActive], [false, false])
  const parts = 3
  assert.ok(store.asked <= (parts * AWAY_MS) / STORE_AWAY_PAUSE_MS + parts, `${store.asked} questions`)
  store.isAway = false
  await broker.timers.run(STORE_AWAY_PAUSE_MS)
  assert.deepEqual([registration!.isHeard, broker.controller.isActive], [true, true])
  assert.equal(broker.image().brokers.get(1)?.fenced, false)
})

test('a session that has ended sends clients away once others can have been elected, and until it is back', async () => {
  const store = new AwayStore()
  await using broker = await oneBroker({ store })
  const [registration] = broker.registrations
  const state = () => [registration!.isHeard, registration!.mayBeReplaced, broker.lapses.count]
  store.isAway = true
  store.loseLease(BROKER_LEASE)
  await broker.timers.run(1_400)
  assert.deepEqual(state(), [false, false, 0])
  await broker.timers.run(200)
  assert.deepEqual(state(), [false, true, 1])
  store.isAway = false
  await broker.timers.run(STORE_AWAY_PAUSE_MS)
  assert.deepEqual(state(), [true, false, 1])
  store.loseLease(BROKER_LEASE)
  await broker.timers.run(AWAY_MS)
  assert.deepEqual(state(), [true, false, 1], 'one that is back at once was never gone')
})

test('a controller whose store is away goes on in its term, and fences who has gone once the store is back', async () => {
  const store = new AwayStore()
  await using broker = await oneBroker({ store })
  const epoch = broker.image().controllerEpoch
  store.isAway = true
  store.loseLease(BROKER_LEASE)
  await broker.timers.run(1000)
  assert.equal(broker.image().brokers.get(1)?.fenced, false)
  await broker.registrations[0]![Symbol.asyncDispose]()
  store.isAway = false
  await broker.timers.run(STORE_AWAY_PAUSE_MS)
  assert.equal(broker.image().brokers.get(1)?.fenced, true)
  assert.equal(broker.image().controllerEpoch, epoch)
})

test('a sign of life whose outcome is not known is given again', async () => {
  await using broker = await oneBroker()
  broker.faults.nextCommit = 'unknown, lost'
  broker.store.loseLease(BROKER_LEASE)
  await broker.timers.run(1000)
  assert.equal(broker.registrations[0]!.isHeard, true)
  assert.ok(broker.image().alive.has(1))
  assert.equal(broker.image().brokers.get(1)?.fenced, false)
})

test('a broker whose store is away can stop', async () => {
  const store = new AwayStore()
  await using broker = await oneBroker({ store })
  store.isAway = true
  store.loseLease(CONTROLLER_LEASE)
  store.loseLease(BROKER_LEASE)
  await broker.timers.run(1000)
  const left = broker.registrations[0]!.leave(5000)
  await broker.timers.run(5000)
  await left
})
