/** OffsetFetch (9). */
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import { create, removed } from '../requests-of-admins.ts'
import { commit, committed, fetchOffsets, next, nextFully, settled } from '../requests-of-groups.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'
import { hasNoOffsets } from './08-offset-commit.ts'

const a = { a: { partitions: 3 } }

export const OFFSET_FETCH: readonly Scenario[] = [
  scenario(OffsetFetch, 'what was committed and what was not', {
    covers: ['8.33'],
    topics: { ...a, b: {} },
    steps: [
      commit({ leaderEpoch: 3, offsets: [['@a', 0, 5, 'metadata']] }, { version: 9 }),
      fetchOffsets({
        partitions: [
          ['@a', 0],
          ['@a', 1],
          ['@b', 0],
        ],
      }),
      fetchOffsets({ partitions: [['@a', 99]] }),
      fetchOffsets({ partitions: [['@a', -1]] }),
      fetchOffsets({ partitions: [['@missing', 0]] }),
      fetchOffsets({
        partitions: [
          ['@missing', 0],
          ['@a', 0],
        ],
      }),
      fetchOffsets({
        partitions: [
          ['@a', 0],
          ['@a', 0],
        ],
      }),
      fetchOffsets({ partitions: [] }),
      fetchOffsets({ partitions: [['not a name', 0]] }),
    ],
  }),
  scenario(OffsetFetch, 'all offsets', {
    covers: ['8.33'],
    versions: [2, 10],
    topics: { ...a, b: {} },
    steps: [
      fetchOffsets(),
      commit(
        {
          offsets: [
            ['@a', 2, 5, 'metadata'],
            ['@b', 0, 1],
            ['@a', 0, 8],
          ],
        },
        { version: 9 },
      ),
      fetchOffsets(),
      fetchOffsets({ requireStable: true }),
    ],
  }),
  scenario(OffsetFetch, 'groups that are not there', {
    covers: ['8.1', '8.33'],
    topics: a,
    steps: [
      fetchOffsets({ groupId: '@missing', partitions: [['@a', 0]] }),
      fetchOffsets({ groupId: '', partitions: [['@a', 0]] }),
    ],
  }),
  scenario(OffsetFetch, 'several groups', {
    covers: ['8.33'],
    versions: [8, 10],
    topics: a,
    steps: [
      commit({}, { version: 9 }),
      commit({ groupId: '@other', offsets: [['@a', 1, 2]] }, { version: 9 }),
      ask(OffsetFetch, {
        groups: ['@g', '@missing', '@other'].map((groupId) => ({ groupId, topics: null })),
      }),
      ask(OffsetFetch, {
        groups: [
          { groupId: '@g', topics: [{ name: '@a', topicId: '@a', partitionIndexes: [0, 1] }] },
          { groupId: '@other', topics: null },
        ],
      }),
      ask(OffsetFetch, { groups: [] }),
      ask(OffsetFetch, { groups: ['@g', '@g'].map((groupId) => ({ groupId, topics: null })) }),
    ],
  }),
  scenario(OffsetFetch, 'a topic twice', {
    covers: ['8.33'],
    topics: a,
    steps: [commit({}, { version: 9 }), fetchTwice()],
  }),
  scenario(OffsetFetch, 'a topic that is made anew', {
    covers: ['8.33', '8.35'],
    steps: [
      create([{}]),
      commit({}, { version: 9 }),
      removed(['@a']),
      { ...committed(), options: { version: 9, until: hasNoOffsets as never } },
      create([{}]),
      fetchOffsets({ partitions: [['@a', 0]] }),
      removed(['@a']),
      fetchOffsets({ partitions: [['@a', 0]] }),
    ],
  }),
  scenario(OffsetFetch, 'stable offsets', {
    covers: ['8.33'],
    versions: [7, 10],
    topics: a,
    steps: [
      commit({}, { version: 9 }),
      fetchOffsets({
        requireStable: true,
        partitions: [
          ['@a', 0],
          ['@a', 1],
        ],
      }),
    ],
  }),
  scenario(OffsetFetch, 'members of classic groups are not asked for', {
    covers: ['8.33', '9.21'],
    versions: [9, 10],
    profile: 'groups',
    topics: a,
    steps: [
      ...settled(),
      fetchOffsets({ memberId: '#0', memberEpoch: 1 }),
      fetchOffsets({ memberId: 'other', memberEpoch: 9 }),
      fetchOffsets({ memberId: 'other', memberEpoch: 9, groupId: '@missing' }),
    ],
  }),
  scenario(OffsetFetch, 'members of consumer groups', {
    covers: ['8.33', '9.21'],
    profile: 'groups',
    topics: a,
    steps: [
      nextFully(),
      commit({ memberId: '@m', generationIdOrMemberEpoch: 1 }, { version: 9 }),
      ...[1, 0, 2, -1].map((memberEpoch) => fetchOffsets({ memberId: '@m', memberEpoch, partitions: [['@a', 0]] })),
      ...[1, -1].map((memberEpoch) => fetchOffsets({ memberId: 'other', memberEpoch, partitions: [['@a', 0]] })),
      ...[0, 1].map((memberEpoch) => fetchOffsets({ memberId: '', memberEpoch, partitions: [['@a', 0]] })),
      fetchOffsets({ memberId: null, memberEpoch: 1, partitions: [['@a', 0]] }),
      fetchOffsets({ memberId: '', memberEpoch: -1, partitions: [['@a', 0]] }),
      next({ memberEpoch: -1 }),
      fetchOffsets({ memberId: '@m', memberEpoch: 1, partitions: [['@a', 0]] }),
    ],
  }),
]

function fetchTwice(): AskStep {
  const topics = [0, 1].map((partition) => ({ name: '@a', topicId: '@a', partitionIndexes: [partition] }))
  return ask(OffsetFetch, { groupId: '@g', topics, groups: [{ groupId: '@g', topics }] })
}
