import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changePartition, type ElectionRules, type PartitionChange } from './elections.ts'
import type { PartitionImage } from './image.ts'

const partition = (fields: Partial<PartitionImage> = {}): PartitionImage => ({
  ...{ index: 0, replicas: [1, 2, 3], isr: [1, 2, 3], leader: 1, leaderEpoch: 5, partitionEpoch: 9 },
  ...fields,
})

const rules = (alive: readonly number[], fields: Partial<ElectionRules> = {}): ElectionRules => ({
  isEligible: (id) => alive.includes(id),
  ...{ minInSyncReplicas: 2, unclean: false, usesElr: true },
  ...fields,
})

function after(before: PartitionImage, change: PartitionChange, by: ElectionRules) {
  const { isr, leader, leaderEpoch, partitionEpoch, elr = [] } = changePartition(before, change, by)
  return { isr, leader, elr, epochs: [leaderEpoch - before.leaderEpoch, partitionEpoch - before.partitionEpoch] }
}

test('a change of the ISR keeps the leader and its epoch', () => {
  const found = after(partition(), { isr: [1, 3] }, rules([1, 2, 3]))
  assert.deepEqual(found, { isr: [1, 3], leader: 1, elr: [], epochs: [0, 1] })
})

test('nothing changes where nothing is different', () => {
  const before = partition()
  assert.equal(changePartition(before, { isr: [3, 2, 1] }, rules([1, 2, 3])), before)
  assert.equal(changePartition(before, { leader: 'preferred' }, rules([1, 2, 3])), before)
})

test('a leader that is gone is followed by the first living replica in sync, in order of the assignment', () => {
  assert.deepEqual(after(partition(), { isr: [2, 3] }, rules([2, 3])), {
    ...{ isr: [2, 3], leader: 2, elr: [], epochs: [1, 1] },
  })
  assert.equal(after(partition({ isr: [1, 3] }), { isr: [3] }, rules([2, 3])).leader, 3)
})

test('replicas that leave while too few stay are eligible leaders, and no longer once enough are back (KIP-966)', () => {
  const alone = changePartition(partition({ isr: [1, 2] }), { isr: [1] }, rules([1, 3]))
  assert.deepEqual(alone.elr, [2])
  const none = changePartition(alone, { isr: [] }, rules([3]))
  assert.deepEqual([none.isr, none.elr, none.leader], [[], [2, 1], -1])
  const second = changePartition(none, {}, rules([2, 3]))
  assert.deepEqual([second.isr, second.elr, second.leader, second.leaderEpoch], [[2], [1], 2, none.leaderEpoch + 1])
  const back = changePartition(second, { isr: [2, 3] }, rules([2, 3]))
  assert.deepEqual([back.isr, back.elr], [[2, 3], undefined])
})

test('once fewer need to be in sync, who left before is no eligible leader: others were acknowledged without him', () => {
  const alone = changePartition(partition({ isr: [1, 2] }), { isr: [1] }, rules([1, 3]))
  assert.deepEqual(alone.elr, [2])
  const lowered = { minInSyncReplicas: 1 }
  const none = changePartition(alone, { isr: [] }, rules([3], lowered))
  assert.deepEqual([none.isr, none.elr, none.leader], [[], [1], -1])
  assert.equal(changePartition(none, {}, rules([2, 3], lowered)).leader, -1)
})

test('a replica that lost its data is no eligible leader', () => {
  const none = partition({ isr: [], elr: [1, 2], leader: -1 })
  const found = after(none, { lost: [1] }, rules([1, 3]))
  assert.deepEqual(found, { isr: [], leader: -1, elr: [2], epochs: [0, 1] })
})

test('without eligible leader replicas the last one in sync stays in the set, and alone may lead again', () => {
  const by = (alive: readonly number[]) => rules(alive, { usesElr: false })
  const down = changePartition(partition({ isr: [1] }), { isr: [] }, by([2, 3]))
  assert.deepEqual([down.isr, down.leader], [[1], -1])
  const up = changePartition(down, {}, by([1, 2, 3]))
  assert.deepEqual([up.isr, up.leader], [[1], 1])
})

test('with eligible leader replicas switched off, who led last is the last one in sync', () => {
  const off = rules([], { usesElr: false })
  const none = changePartition(partition({ isr: [], elr: [3, 1], leader: -1 }), { isr: [] }, off)
  assert.deepEqual([none.isr, none.elr, none.leader], [[1], undefined, -1])
  const up = changePartition(none, {}, rules([1, 3], { usesElr: false }))
  assert.deepEqual([up.isr, up.leader], [[1], 1])
})

test('an unclean election takes the first living replica where it is allowed, and only where nobody else can lead', () => {
  const last = partition({ isr: [1] })
  assert.equal(after(last, { isr: [] }, rules([2, 3])).leader, -1)
  const unclean = after(last, { isr: [] }, rules([2, 3], { unclean: true }))
  assert.deepEqual(unclean, { isr: [2], leader: 2, elr: [], epochs: [1, 1] })
  const clean = after(partition({ isr: [1, 3] }), { isr: [3] }, rules([2, 3], { unclean: true }))
  assert.equal(clean.leader, 3)
})

test('the preferred leader is elected where it is in sync and alive', () => {
  const moved = partition({ leader: 2 })
  assert.equal(after(moved, { leader: 'preferred' }, rules([1, 2, 3])).leader, 1)
  assert.equal(after(moved, { leader: 'preferred' }, rules([2, 3])).leader, 2)
  assert.equal(after(partition({ leader: 2, isr: [2, 3] }), { leader: 'preferred' }, rules([1, 2, 3])).leader, 2)
})

test('a renewed leader stays and gets a new epoch: it may have lost what was not synced', () => {
  const found = after(partition(), { leader: 'renewed' }, rules([1, 2, 3]))
  assert.deepEqual(found, { isr: [1, 2, 3], leader: 1, elr: [], epochs: [1, 1] })
})
