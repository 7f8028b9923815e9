import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReplicationQuota } from './replication-quota.ts'

const SETTINGS = { bytesPerSecond: 1000, windows: 11, windowMs: 1000 }

function quotaOf(settings: Partial<typeof SETTINGS> = {}): ReplicationQuota {
  const quota = new ReplicationQuota()
  quota.configure({ ...SETTINGS, ...settings })
  return quota
}

test('who was idle begins with one window’s worth, and then gets what comes with time', () => {
  const quota = quotaOf()
  assert.equal(quota.availableBytes(50_000), 1000)
  quota.record(1000, 50_000)
  assert.equal(quota.availableBytes(50_000), 0)
  assert.equal(quota.availableBytes(51_500), 1500)
  quota.record(1500, 51_500)
  assert.equal(quota.availableBytes(51_600), 100)
})

test('what is left of a quota is kept for as long as its windows are, not longer', () => {
  const quota = quotaOf({ windows: 2 })
  quota.record(1000, 0)
  assert.equal(quota.availableBytes(1999), 1999)
  assert.equal(quota.availableBytes(2000), 1000)
})

test('a quota that was overdrawn is paid back, however long that takes', () => {
  const quota = quotaOf({ windows: 2 })
  quota.record(10_000, 0)
  for (const atMs of [1000, 2000, 5000, 9000]) assert.ok(quota.availableBytes(atMs) <= 0, `${atMs}`)
  assert.ok(quota.availableBytes(9001) > 0)
})

test('the wait that is told ends when something may be moved again', () => {
  const quota = quotaOf()
  quota.record(4321, 100)
  const waitMs = quota.waitMs(200)
  assert.ok(quota.availableBytes(200 + waitMs - 5) <= 0)
  assert.ok(quota.availableBytes(200 + waitMs) > 0)
  assert.equal(quota.waitMs(200 + waitMs), 0)
})

test('a rate of 0 moves nothing, and a higher one counts from then on', () => {
  const quota = quotaOf({ bytesPerSecond: 0 })
  assert.deepEqual([quota.availableBytes(1_000_000), quota.waitMs(1_000_000)], [0, Number.POSITIVE_INFINITY])
  quota.configure(SETTINGS)
  quota.availableBytes(1_000_001)
  assert.equal(quota.availableBytes(1_000_501), 500)
})

test('without a rate nothing is ever held back', () => {
  const quota = new ReplicationQuota()
  quota.record(1e12, 0)
  assert.deepEqual([quota.availableBytes(0), quota.waitMs(0)], [Number.POSITIVE_INFINITY, 0])
  assert.equal(quota.throttledBytes.value, 1e12)
})

/** Moves a batch whenever something may be moved, as those who use a quota do. */
function greedy(settings: typeof SETTINGS, options: { batchBytes: number; stepMs: number; forMs: number }): number {
  const quota = quotaOf(settings)
  for (let nowMs = 0; nowMs < options.forMs; nowMs += options.stepMs)
    while (quota.availableBytes(nowMs) > 0) quota.record(options.batchBytes, nowMs)
  return quota.throttledBytes.value
}

test('who takes all he may comes to the rate, give or take a batch and a window, whatever the batches’ size', () => {
  fc.assert(
    fc.property(
      fc.record({ bytesPerSecond: fc.integer({ min: 1, max: 10_000 }), windows: fc.integer({ min: 1, max: 11 }) }),
      fc.record({ batchBytes: fc.integer({ min: 500, max: 100_000 }), stepMs: fc.integer({ min: 7, max: 900 }) }),
      (settings, { batchBytes, stepMs }) => {
        const forMs = 200_000
        const moved = greedy({ ...settings, windowMs: 1000 }, { batchBytes, stepMs, forMs })
        const due = (settings.bytesPerSecond * forMs) / 1000
        assert.ok(moved <= due + batchBytes + settings.bytesPerSecond, `${moved} of ${due}`)
        assert.ok(moved >= due - batchBytes - settings.bytesPerSecond, `${moved} of ${due}`)
      },
    ),
    { numRuns: 60 },
  )
})
