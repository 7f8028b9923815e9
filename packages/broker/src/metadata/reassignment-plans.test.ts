import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { loadConfig } from '../config.ts'
import type { MetadataImage, PartitionImage } from './image.ts'
import { planAlterPartitions } from './isr-plans.ts'
import { type Housekeeping, planLiveness } from './liveness-plans.ts'
import { clusterImage, partitionIn, TOPIC_ID, written } from './plan-image.ts'
import { planAlterReassignments } from './reassignment-plans.ts'

const CONFIG = loadConfig({ overrides: {} }).config
const BROKERS = [1, 2, 3, 4, 5]

function imageOf(
  fields: Partial<PartitionImage> = {},
  options: { level?: number; fenced?: number[]; min?: string; unclean?: boolean } = {},
) {
  const { level = 2, fenced = [], min = '2', unclean = false } = options
  const configs = { 'min.insync.replicas': min, ...(unclean && { 'unclean.leader.election.enable': 'true' }) }
  const image = clusterImage([fields], { brokers: BROKERS, fenced, configs })
  const levels = new Map([...image.features.levels, ['ottla.metadata', level]])
  return { ...image, features: { ...image.features, levels } }
}

/** The image after the reassignment of partition 0, which must be accepted. */
function reassign(image: MetadataImage, replicas: readonly number[] | null): MetadataImage {
  const partitions = [{ topic: 't', index: 0, replicas }]
  const plan = planAlterReassignments(image, { allowsFactorChange: true, partitions }, CONFIG)
  assert.ok(!(plan instanceof ProtocolError))
  assert.deepEqual(plan.success, [{ topic: 't', index: 0, error: null }])
  return written(image, plan.sets)
}

function refusal(image: MetadataImage, replicas: number[] | null, allowsFactorChange = true, topic = 't', index = 0) {
  const command = { allowsFactorChange, partitions: [{ topic, index, replicas }] }
  const plan = planAlterReassignments(image, command, CONFIG)
  if (plan instanceof ProtocolError) return plan.error
  if (plan.success[0]!.error !== null) assert.deepEqual(plan.sets, [])
  return plan.success[0]!.error?.name ?? null
}

/** The image once the leader's wish for this in-sync set is written. */
function inSync(image: MetadataImage, isr: readonly number[]): MetadataImage {
  const { leader, leaderEpoch, partitionEpoch } = partitionIn(image)
  const wanted = isr.map((id) => ({ id, brokerEpoch: 10 + id }))
  const partitions = [{ topicId: TOPIC_ID, index: 0, leaderEpoch, partitionEpoch, isr: wanted }]
  const plan = planAlterPartitions(image, [{ brokerId: leader, brokerEpoch: 10 + leader, partitions }], CONFIG)
  assert.ok(plan.sets.length > 0)
  return written(image, plan.sets)
}

function seen(image: MetadataImage) {
  const { replicas, isr, leader, leaderEpoch, addingReplicas = [], removingReplicas = [], elr } = partitionIn(image)
  return { replicas, isr, leader, leaderEpoch, adding: addingReplicas, removing: removingReplicas, ...(elr && { elr }) }
}

const settled = { adding: [], removing: [] }

test('who comes and who goes are replicas until all who come are in sync, then who goes is gone and the leader moves', () => {
  const begun = reassign(imageOf(), [4, 5, 1])
  assert.deepEqual(seen(begun), {
    ...{ replicas: [4, 5, 1, 2, 3], isr: [1, 2, 3], leader: 1, leaderEpoch: 4, adding: [4, 5], removing: [2, 3] },
  })
  const half = inSync(begun, [1, 2, 3, 4])
  assert.deepEqual(seen(half).replicas, [4, 5, 1, 2, 3])
  assert.deepEqual(seen(inSync(half, [1, 2, 3, 4, 5])), {
    ...{ replicas: [4, 5, 1], isr: [1, 4, 5], leader: 1, leaderEpoch: 5, ...settled },
  })
})

test('the target keeps its order, who comes and who goes are told by their ids', () => {
  const begun = reassign(imageOf({ replicas: [3, 2, 1] }), [5, 4])
  assert.deepEqual(seen(begun), {
    ...{ replicas: [5, 4, 1, 2, 3], isr: [1, 2, 3], leader: 1, leaderEpoch: 4, adding: [4, 5], removing: [1, 2, 3] },
  })
})

test('a leader that goes is followed by the first of those who stay, in a new epoch', () => {
  const begun = reassign(imageOf(), [4, 2, 3])
  assert.deepEqual(seen(inSync(begun, [1, 2, 3, 4])), {
    ...{ replicas: [4, 2, 3], isr: [2, 3, 4], leader: 4, leaderEpoch: 5, ...settled },
  })
})

test('another order needs no move, and fewer replicas only that those who stay are in sync', () => {
  assert.deepEqual(seen(reassign(imageOf(), [3, 2, 1])), {
    ...{ replicas: [3, 2, 1], isr: [1, 2, 3], leader: 1, leaderEpoch: 4, ...settled },
  })
  assert.deepEqual(seen(reassign(imageOf(), [2, 3])), {
    ...{ replicas: [2, 3], isr: [2, 3], leader: 2, leaderEpoch: 5, ...settled },
  })
  const waiting = reassign(imageOf({ isr: [1, 2] }), [2, 3])
  assert.deepEqual(seen(waiting).removing, [1])
  assert.deepEqual(seen(inSync(waiting, [1, 2, 3])).replicas, [2, 3])
})

test('nobody goes while one who was there before, and stays, is not in sync', () => {
  for (const min of ['1', '2', '3']) {
    const image = imageOf({ isr: [1, 2] }, { min })
    const late = inSync(reassign(image, [2, 3, 4]), [1, 2, 4])
    assert.deepEqual([seen(late).replicas, seen(late).adding], [[2, 3, 4, 1], [4]])
    assert.deepEqual(seen(inSync(late, [1, 2, 4, 3])).replicas, [2, 3, 4])
  }
})

test('more replicas come without anybody going', () => {
  const begun = reassign(imageOf(), [1, 2, 3, 4])
  assert.deepEqual([seen(begun).adding, seen(begun).removing], [[4], []])
  assert.deepEqual(seen(inSync(begun, [1, 2, 3, 4])), {
    ...{ replicas: [1, 2, 3, 4], isr: [1, 2, 3, 4], leader: 1, leaderEpoch: 4, ...settled },
  })
})

test('taken back, the partition has the replicas from before, and who came is out of the in-sync set', () => {
  const half = inSync(reassign(imageOf(), [4, 5, 1]), [1, 2, 3, 4])
  assert.deepEqual(seen(reassign(half, null)), {
    ...{ replicas: [1, 2, 3], isr: [1, 2, 3], leader: 1, leaderEpoch: 5, ...settled },
  })
})

test('what is asked for later counts from the replicas of before: who was to come and is not wanted any more leaves', () => {
  const half = inSync(reassign(imageOf(), [4, 5, 1]), [1, 2, 3, 4])
  const again = reassign(half, [5, 2, 1])
  assert.deepEqual(seen(again), {
    ...{ replicas: [5, 2, 1, 3], isr: [1, 2, 3], leader: 1, leaderEpoch: 5, adding: [5], removing: [3] },
  })
  assert.deepEqual(seen(reassign(again, null)).replicas.toSorted(), [1, 2, 3])
})

test('taken back where only who came has all, an unclean leader leads where the topic allows it, with or without an ELR', () => {
  const only4 = { replicas: [4, 2, 3, 1], isr: [4], leader: 4, addingReplicas: [4], removingReplicas: [1] }
  assert.equal(refusal(imageOf(only4), null), 'INVALID_REPLICA_ASSIGNMENT')
  for (const fields of [{ ...only4, elr: [3] }, only4]) {
    const unclean = imageOf(fields, { unclean: true })
    assert.deepEqual(seen(reassign(unclean, null)), {
      ...{ replicas: [2, 3, 1], isr: [2], leader: 2, leaderEpoch: 5, ...settled },
    })
    const levels = new Map([...unclean.features.levels].filter(([name]) => name === 'ottla.metadata'))
    const withoutElr = { ...unclean, features: { levels, epoch: 1 } }
    assert.deepEqual(seen(reassign(withoutElr, null)).isr, [2])
  }
})

test('a reassignment to what is there changes nothing', () => {
  const image = imageOf()
  assert.equal(reassign(image, [1, 2, 3]), image)
  const begun = reassign(image, [4, 2, 3])
  assert.equal(reassign(begun, [4, 2, 3]), begun)
})

test('what cannot be is refused, in the order of Kafka', () => {
  const image = imageOf()
  assert.equal(refusal(image, [4, 5], true, 'u'), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(refusal(image, [4, 5], true, 't', 1), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(refusal(image, null, true, 't', 1), 'UNKNOWN_TOPIC_OR_PARTITION')
  for (const bad of [[], [-1], [1, 1], [6], [4, 6]])
    assert.equal(refusal(image, bad, false), 'INVALID_REPLICA_ASSIGNMENT')
  assert.equal(refusal(image, [4, 5], false), 'INVALID_REPLICATION_FACTOR')
  assert.equal(refusal(image, [4, 5, 1], false), null)
  assert.equal(refusal(image, null), 'NO_REASSIGNMENT_IN_PROGRESS')
  assert.equal(refusal(imageOf({}, { level: 1 }), [4, 5, 1]), 'UNSUPPORTED_VERSION')
})

test('the replication factor is that of the reassignment that is under way', () => {
  const begun = reassign(imageOf(), [4, 5])
  assert.equal(refusal(begun, [3, 5], false), null)
  assert.equal(refusal(begun, [3, 5, 1], false), 'INVALID_REPLICATION_FACTOR')
})

test('nobody who has all of a partition is let go before others have it', () => {
  const moving = imageOf({ replicas: [4, 1], isr: [4], leader: 4, addingReplicas: [4], removingReplicas: [1] })
  assert.equal(refusal(moving, null), 'INVALID_REPLICA_ASSIGNMENT', 'to take it back would need an unclean election')
  assert.equal(refusal(moving, [2, 3]), 'INVALID_REPLICA_ASSIGNMENT')
  const eligible = imageOf({ isr: [], elr: [1], leader: -1 }, { fenced: [1] })
  assert.deepEqual(seen(reassign(eligible, [4, 5, 2])), {
    ...{ replicas: [4, 5, 2, 1, 3], isr: [], leader: -1, leaderEpoch: 4, adding: [4, 5], removing: [1, 3], elr: [1] },
  })
})

test('a fenced broker may be wanted, and holds the reassignment up until it is in sync', () => {
  const begun = reassign(imageOf({}, { fenced: [4] }), [4, 2, 3])
  assert.deepEqual(seen(begun).adding, [4])
})

test('so many replicas that the partition could not be kept are refused', () => {
  const ids = Array.from({ length: 200 }, (_, i) => 1000 + i)
  const image = clusterImage([{}], { brokers: [1, 2, 3, ...ids] })
  const levels = new Map([['ottla.metadata', 2]])
  assert.equal(refusal({ ...image, features: { epoch: 1, levels } }, ids), 'INVALID_REPLICA_ASSIGNMENT')
})

test('where a broker dies in the middle the reassignment goes on with whoever leads then', () => {
  const housekeeping: Housekeeping = { config: CONFIG, missesTheAbsent: false, seenAlive: new Map() }
  const begun = reassign(imageOf(), [4, 2, 3])
  const fenced = { ...begun.brokers.get(1)!, fenced: true }
  const died = { ...begun, brokers: new Map([...begun.brokers, [1, fenced]]) }
  const after = written(died, planLiveness(died, housekeeping))
  assert.deepEqual(seen(after), {
    ...{ replicas: [4, 2, 3, 1], isr: [2, 3], leader: 2, leaderEpoch: 5, adding: [4], removing: [1] },
  })
  assert.deepEqual(seen(inSync(after, [2, 3, 4])).replicas, [4, 2, 3])
})

test('an unclean election takes one that is only coming last', () => {
  const config = loadConfig({ overrides: { 'unclean.leader.election.enable': 'true' } }).config
  const fields = { replicas: [4, 2, 1], isr: [1], leader: 1, addingReplicas: [4], removingReplicas: [1] }
  const image = imageOf(fields, { fenced: [1], min: '1' })
  const after = written(image, planLiveness(image, { config, missesTheAbsent: false, seenAlive: new Map() }))
  assert.equal(partitionIn(after).leader, 2)
})
