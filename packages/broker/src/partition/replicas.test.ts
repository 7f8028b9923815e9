import assert from 'node:assert/strict'
import { test } from 'node:test'
import { highWatermark, isUnderMinIsr } from './replicas.ts'

test('written batches of acks 0 and 1 count at once, those behind an unsynced acks=all batch wait for its sync', () => {
  const rows: [writtenOffset: number, syncedOffset: number, unsyncedAllFrom: number, expected: number][] = [
    [0, 0, Infinity, 0],
    [10, 0, Infinity, 10],
    [10, 0, 0, 0],
    [10, 0, 4, 4],
    [10, 6, 8, 8],
    [10, 6, 6, 6],
    [10, 10, Infinity, 10],
    [12, 10, 20, 12],
  ]
  for (const [writtenOffset, syncedOffset, unsyncedAllFrom, expected] of rows) {
    assert.equal(highWatermark({ writtenOffset, syncedOffset, unsyncedAllFrom }), expected)
  }
})

test('min.insync.replicas is capped at the number of replicas', () => {
  assert.equal(isUnderMinIsr({ isr: 1, replicas: 1, minInSyncReplicas: 2 }), false)
  assert.equal(isUnderMinIsr({ isr: 1, replicas: 3, minInSyncReplicas: 2 }), true)
  assert.equal(isUnderMinIsr({ isr: 2, replicas: 3, minInSyncReplicas: 2 }), false)
})
