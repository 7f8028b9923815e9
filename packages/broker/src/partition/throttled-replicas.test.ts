import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  isFetchingThrottled,
  isSendingThrottled,
  type ThrottledPartition,
  throttledReplicas,
} from './throttled-replicas.ts'

function partition(items: readonly string[]): ThrottledPartition {
  const named = throttledReplicas(items)
  return { index: 3, image: { leader: 1, isr: [1, 2] }, rules: { throttle: { leader: named, follower: named } } }
}

test('the leader’s list names the leader, the follower’s the follower, and who is in sync is never held up', () => {
  const rows: [items: string[], sending: number[], fetching: number[]][] = [
    [[], [], []],
    [['*'], [4, 5], [4, 5]],
    [['3:1'], [4, 5], []],
    [['3:4'], [], [4]],
    [['2:1', '2:4'], [], []],
    [['3:1', '3:2', '3:5'], [4, 5], [5]],
  ]
  for (const [items, sending, fetching] of rows) {
    const followers = [2, 4, 5]
    const one = partition(items)
    assert.deepEqual(
      followers.filter((id) => isSendingThrottled(one, id)),
      sending,
      `${items}`,
    )
    assert.deepEqual(
      followers.filter((id) => isFetchingThrottled(one, id)),
      fetching,
      `${items}`,
    )
  }
})
