/** OffsetDelete (47). */
import { OffsetDelete } from '@ottla/protocol/apis/47-offset-delete.ts'
import type { RequestInputOf } from '@ottla/protocol/codec.ts'
import {
  commit,
  committed,
  described,
  enter,
  leave,
  listed,
  NO_SUBSCRIPTION,
  next,
  nextFully,
  settled,
  subscription,
  sync,
} from '../requests-of-groups.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'

const a = { a: { partitions: 3 } }

const forget = (partitions: readonly (readonly [topic: string, partition: number])[], groupId = '@g'): AskStep => {
  const topics = [...Map.groupBy(partitions, ([topic]) => topic)].map(([name, list]) => ({
    ...{ name, partitions: list.map(([, partitionIndex]) => ({ partitionIndex })) },
  }))
  const request: RequestInputOf<typeof OffsetDelete> = { groupId, topics }
  return ask(OffsetDelete, request)
}

export const OFFSET_DELETE: readonly Scenario[] = [
  scenario(OffsetDelete, 'offsets of a group without members', {
    covers: ['8.34'],
    topics: { ...a, b: {} },
    steps: [
      commit({
        offsets: [
          ['@a', 0, 1],
          ['@a', 1, 2],
          ['@b', 0, 3],
        ],
      }),
      forget([['@a', 0]]),
      committed(),
      forget([
        ['@a', 0],
        ['@a', 2],
        ['@a', 9],
        ['@a', -1],
        ['@missing', 0],
        ['@b', 0],
      ]),
      committed(),
      forget([]),
      forget([['@a', 1]]),
      committed(),
      described(),
      listed(),
    ],
  }),
  scenario(OffsetDelete, 'groups that are not there', {
    covers: ['8.1', '8.34'],
    topics: a,
    steps: [forget([['@a', 0]]), forget([['@a', 0]], ''), forget([['@missing', 0]]), forget([])],
  }),
  scenario(OffsetDelete, 'a partition twice', {
    covers: ['8.34'],
    topics: a,
    steps: [
      commit(),
      forget([
        ['@a', 0],
        ['@a', 0],
      ]),
    ],
  }),
  scenario(OffsetDelete, 'topics that consumers are subscribed to', {
    covers: ['8.34'],
    profile: 'groups',
    topics: { ...a, b: {} },
    steps: [
      ...enter(0, { protocols: [['range', subscription()]] }),
      commitBoth(),
      forget([
        ['@a', 0],
        ['@b', 0],
      ]),
      sync({ assignments: { '#0': 'all' } }),
      commitBoth({ memberId: '#0', generationIdOrMemberEpoch: 1 }),
      forget([
        ['@a', 0],
        ['@b', 0],
        ['@missing', 0],
      ]),
      committed(),
      leave(),
      forget([['@a', 0]]),
    ],
  }),
  scenario(OffsetDelete, 'members that do not say what they are subscribed to', {
    covers: ['8.34'],
    profile: 'groups',
    topics: a,
    steps: [...settled({ protocols: [['range', NO_SUBSCRIPTION]] }), forget([['@a', 0]]), leave(), forget([['@a', 0]])],
  }),
  scenario(OffsetDelete, 'members that are no consumers', {
    covers: ['8.34'],
    profile: 'groups',
    topics: a,
    steps: [
      ...settled({ protocolType: 'connect' }),
      forget([['@a', 0]]),
      forget([['@missing', 0]]),
      leave(),
      forget([['@a', 0]]),
    ],
  }),
  scenario(OffsetDelete, 'topics of a consumer group', {
    covers: ['8.34', '9.21'],
    profile: 'groups',
    topics: { ...a, b: {} },
    steps: [
      nextFully(),
      commitBoth({ memberId: '@m', generationIdOrMemberEpoch: 1 }),
      forget([
        ['@a', 0],
        ['@b', 0],
      ]),
      committed(),
      next({ memberEpoch: -1 }),
      forget([['@a', 0]]),
      committed(),
    ],
  }),
]

function commitBoth(member: { memberId?: string; generationIdOrMemberEpoch?: number } = {}): AskStep {
  return commit({
    ...member,
    offsets: [
      ['@a', 0, 1],
      ['@b', 0, 1],
    ],
  })
}
