import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../config.ts'
import type { ElectLeaders } from './controller-client.ts'
import type { MetadataImage, PartitionImage } from './image.ts'
import { planBalanceLeaders, planElectLeaders } from './leader-plans.ts'
import { clusterImage, partitionIn, written } from './plan-image.ts'

const CONFIG = loadConfig({ overrides: {} }).config

type Row = [
  promise: string,
  election: ElectLeaders['election'],
  before: Partial<PartitionImage>,
  fenced: readonly number[],
  expected: [error: string | null, leader: number, leaderEpoch: number],
]

const ROWS: readonly Row[] = [
  ['the preferred leader is elected', 'preferred', { leader: 2 }, [], [null, 1, 5]],
  ['who leads already needs no election', 'preferred', {}, [], ['ELECTION_NOT_NEEDED', 1, 4]],
  [
    ...(['one out of sync cannot lead', 'preferred', { leader: 2, isr: [2, 3] }, []] as const),
    ['PREFERRED_LEADER_NOT_AVAILABLE', 2, 4],
  ],
  [
    ...(['one that is fenced cannot lead', 'preferred', { leader: 2 }, [1]] as const),
    ['PREFERRED_LEADER_NOT_AVAILABLE', 2, 4],
  ],
  ['without a leader the next in sync is elected', 'preferred', { leader: -1, isr: [2, 3] }, [], [null, 2, 5]],
  ['a partition that has a leader needs no unclean one', 'unclean', { leader: 2 }, [], ['ELECTION_NOT_NEEDED', 2, 4]],
  ['unclean takes who is there', 'unclean', { leader: -1, isr: [], elr: [1] }, [1], [null, 2, 5]],
  ['unclean prefers who has everything', 'unclean', { leader: -1, isr: [], elr: [3] }, [], [null, 3, 5]],
  [
    ...(['unclean cannot take the dead', 'unclean', { leader: -1, isr: [], elr: [1] }, [1, 2, 3]] as const),
    ['ELIGIBLE_LEADERS_NOT_AVAILABLE', -1, 4],
  ],
]

function elect(image: MetadataImage, elections: ElectLeaders) {
  const { sets, success } = planElectLeaders(image, elections, CONFIG)
  return { sets, errors: success.map(({ index, error }) => [index, error]), after: written(image, sets) }
}

for (const [promise, election, before, fenced, expected] of ROWS) {
  test(promise, () => {
    const image = clusterImage([before], { fenced })
    const { errors, after } = elect(image, { election, partitions: [{ topic: 't', index: 0 }] })
    const { leader, leaderEpoch } = partitionIn(after)
    assert.deepEqual([errors, leader, leaderEpoch], [[[0, expected[0]]], expected[1], expected[2]])
  })
}

test('what was asked for is answered in order, also what is not there, and a partition that comes twice', () => {
  const image = clusterImage([{ leader: 2 }, {}])
  const asked = [['u', 0] as const, ['t', 1] as const, ['t', 0] as const, ['t', 0] as const, ['t', 9] as const]
  const partitions = asked.map(([topic, index]) => ({ topic, index }))
  const { errors, sets } = elect(image, { election: 'preferred', partitions })
  assert.deepEqual(errors, [
    [0, 'UNKNOWN_TOPIC_OR_PARTITION'],
    [1, 'ELECTION_NOT_NEEDED'],
    [0, null],
    [0, 'ELECTION_NOT_NEEDED'],
    [9, 'UNKNOWN_TOPIC_OR_PARTITION'],
  ])
  assert.equal(sets.length, 1)
})

test('of all partitions only those are told that needed an election', () => {
  const image = clusterImage([{}, { leader: 2 }, { leader: 2, isr: [2] }])
  const { errors } = elect(image, { election: 'preferred', partitions: null })
  assert.deepEqual(errors, [
    [1, null],
    [2, 'PREFERRED_LEADER_NOT_AVAILABLE'],
  ])
})

test('leaders go back to the preferred replica where it can lead, and nowhere else', () => {
  const image = clusterImage([
    { leader: 2 },
    { leader: 2, isr: [2, 3] },
    { leader: -1, isr: [], elr: [1] },
    { replicas: [3, 1, 2], leader: 1 },
    { replicas: [2, 1, 3], leader: 2 },
  ])
  const after = written(image, planBalanceLeaders(image, CONFIG))
  assert.deepEqual(
    after.topicsByName.get('t')!.partitions.map(({ leader }) => leader),
    [1, 2, -1, 3, 2],
  )
  assert.deepEqual(planBalanceLeaders(after, CONFIG), [])
})
