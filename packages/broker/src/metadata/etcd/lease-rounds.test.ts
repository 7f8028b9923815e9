import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { LeaseClock } from './lease-clock.ts'
import { type LeaseNews, LeaseRounds } from './lease-rounds.ts'

const TTL_MS = 1200
const TICK_MS = 100

/** The event loop's clock and the thread's are one here; the loop ticks while `isAwake`. */
function world(answers: () => Promise<number> = async () => TTL_MS) {
  const time = new FakeTime()
  const leases = new LeaseClock()
  const news: LeaseNews[] = []
  const asked: number[] = []
  const keepAlive = (_id: bigint) => {
    asked.push(time.monotonicMs())
    return answers()
  }
  const rounds = new LeaseRounds({ leases, clock: time, timers: time, keepAlive, tell: (one) => void news.push(one) })
  leases.tick(0)
  leases.setEnd(0, TTL_MS)
  rounds.keep({ slot: 0, id: 7n, ttlMs: TTL_MS })
  const pass = async (ms: number, isAwake: boolean) => {
    for (let passed = 0; passed < ms; passed += TICK_MS) {
      if (isAwake) leases.tick(time.monotonicMs())
      await time.run(TICK_MS)
    }
  }
  return { time, leases, news, asked, rounds, pass }
}

test('a lease lives on while the event loop ticks, its time counted from a tick before the request', async () => {
  const { time, leases, asked, pass, rounds } = world()
  await pass(10 * TTL_MS, true)
  const lastAskedMs = asked.at(-1)!
  assert.ok(leases.endMs(0) > time.monotonicMs())
  assert.ok(leases.endMs(0) <= lastAskedMs + TTL_MS)
  rounds.drop(0)
})

test('an event loop that stands still for a third of the time is not kept alive', async () => {
  const { time, leases, asked, pass, rounds } = world()
  await pass(TTL_MS, true)
  const stoodStillMs = time.monotonicMs()
  await pass(3 * TTL_MS, false)
  assert.ok(asked.at(-1)! < stoodStillMs + TTL_MS / 3 + TICK_MS)
  assert.ok(leases.endMs(0) <= stoodStillMs + TTL_MS)
  rounds.drop(0)
})

test('a lease that etcd does not know any more ends at once', async () => {
  const { leases, news, pass } = world(async () => 0)
  await pass(TTL_MS / 2, true)
  assert.equal(leases.endMs(0), 0)
  assert.deepEqual(news, [{ type: 'ended', slot: 0 }])
})

test('an etcd that does not answer is told of, and the lease not extended', async () => {
  const { leases, news, pass, rounds } = world(async () => {
    throw new Error('nobody there')
  })
  await pass(TTL_MS, true)
  assert.equal(leases.endMs(0), TTL_MS)
  assert.deepEqual(news[0], { type: 'failing', slot: 0, reason: 'nobody there' })
  rounds.drop(0)
})

test('an answer that comes after the lease was given back changes nothing', async () => {
  const late = Promise.withResolvers<number>()
  const { leases, pass, rounds } = world(() => late.promise)
  await pass(TTL_MS / 2, true)
  rounds.drop(0)
  leases.free(0)
  late.resolve(TTL_MS)
  await pass(TTL_MS, true)
  assert.equal(leases.freeSlot(), 0)
})
