import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CompanionOptions } from '@ottla/base/companion.ts'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { LEASES_MAX, LeaseClock } from './lease-clock.ts'
import type { LeaseCommand, LeaseThreadData } from './lease-thread.ts'
import { Leases } from './leases.ts'

const TTL_MS = 9000

/** The thread is played by the test. */
function world() {
  const time = new FakeTime()
  const logger = new MemoryLogger()
  const [commands, revoked]: [LeaseCommand[], bigint[]] = [[], []]
  const started: CompanionOptions[] = []
  const leases = new Leases({
    ...{ clock: time, timers: time, logger, channel: { addresses: [], tls: null, account: null } },
    companions: {
      start: (_module, options) => {
        started.push(options)
        return { post: (command) => void commands.push(command as LeaseCommand), [Symbol.asyncDispose]: async () => {} }
      },
    },
    revoke: async (id) => void revoked.push(id),
  })
  const hold = (epoch: number) =>
    leases.hold({ id: BigInt(epoch), epoch, ttlMs: TTL_MS, askedAtMs: time.monotonicMs() })
  const shared = () => new LeaseClock((started.at(-1)!.data as LeaseThreadData).shared)
  return { time, logger, leases, commands, revoked, started, hold, shared }
}

test('a process that goes on after a pause finds its lease ended before any timer ran', () => {
  const { time, hold } = world()
  const lease = hold(1)
  time.advance(TTL_MS / 2)
  assert.equal(lease.isLive(), true)
  time.stall(TTL_MS)
  assert.equal(lease.lost.aborted, false, 'nothing has run yet')
  assert.equal(lease.isLive(), false)
  assert.equal(lease.lost.aborted, true)
})

test('a loop that wakes up loses what ended meanwhile before it ticks', () => {
  const { time, hold, shared } = world()
  const lease = hold(1)
  const tickMs = shared().tickedAtMs()
  time.stall(2 * TTL_MS)
  const seen: number[] = []
  lease.lost.addEventListener('abort', () => seen.push(shared().tickedAtMs()))
  time.advance(0)
  assert.deepEqual(seen, [tickMs])
})

test('a lease that the thread extends lives on', () => {
  const { time, hold, shared } = world()
  const lease = hold(1)
  for (let round = 0; round < 10; round++) {
    time.advance(TTL_MS / 3)
    shared().extend(0, shared().tickedAtMs() + TTL_MS)
  }
  assert.equal(lease.isLive(), true)
})

test('a lease that the thread finds ended is lost when the thread says so', () => {
  const { hold, started, shared } = world()
  const lease = hold(1)
  shared().end(0)
  started[0]!.onMessage({ type: 'ended', slot: 0 })
  assert.equal(lease.lost.aborted, true)
})

test('that a lease cannot be kept alive is told once', () => {
  const { logger, hold, started } = world()
  hold(1)
  for (let i = 0; i < 3; i++) started[0]!.onMessage({ type: 'failing', slot: 0, reason: 'nobody there' })
  assert.deepEqual(
    logger.lines.map(({ message, fields }) => [message, fields['reason']]),
    [['Cannot keep a lease alive', 'nobody there']],
  )
})

test('a thread that fails is told of, its leases end in their time, and the next lease gets another', () => {
  const { time, logger, hold, started } = world()
  const first = hold(1)
  started[0]!.onFailure(new Error('out of order'))
  assert.equal(logger.lines[0]?.level, 'error')
  time.advance(TTL_MS)
  assert.equal(first.lost.aborted, true)
  hold(2)
  assert.equal(started.length, 2)
})

test('giving a lease back tells etcd once, also for one that was lost, and frees its place', async () => {
  const { time, hold, revoked, commands, leases } = world()
  const lost = hold(1)
  time.advance(2 * TTL_MS)
  await Promise.all([lost.release(), lost.release()])
  assert.deepEqual(revoked, [1n])
  for (let epoch = 2; epoch < 2 + LEASES_MAX; epoch++) hold(epoch)
  assert.throws(() => hold(99), /a few leases/)
  await leases[Symbol.asyncDispose]()
  assert.equal(revoked.length, 1 + LEASES_MAX)
  assert.equal(commands.filter(({ type }) => type === 'drop').length, 1 + LEASES_MAX)
})
