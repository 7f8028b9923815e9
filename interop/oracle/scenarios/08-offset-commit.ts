/** OffsetCommit (8). */
import { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { DeleteGroups } from '@ottla/protocol/apis/42-delete-groups.ts'
import { create, removed } from '../requests-of-admins.ts'
import {
  becomes,
  commit,
  committed,
  described,
  enter,
  fetchOffsets,
  join,
  leave,
  listed,
  next,
  nextFully,
  settled,
  sync,
} from '../requests-of-groups.ts'
import { answered, ask, type Scenario, scenario } from '../scenario.ts'

const a = { a: { partitions: 3 } }
const METADATA_LENGTH_MAX = 4096

export const OFFSET_COMMIT: readonly Scenario[] = [
  scenario(OffsetCommit, 'a group without members', {
    covers: ['8.27', '8.29', '8.30', '8.33'],
    topics: { ...a, b: {} },
    steps: [
      commit(),
      committed(),
      commit({ offsets: [['@a', 0, 3]] }),
      commit({
        offsets: [
          ['@a', 1, 7, 'one'],
          ['@b', 0, 0, 'other'],
          ['@a', 2, 9_007_199_254_740_991],
        ],
        leaderEpoch: 4,
      }),
      committed(),
      described(),
      listed(),
    ],
  }),
  scenario(OffsetCommit, 'topics and partitions that are not there', {
    covers: ['8.28'],
    topics: a,
    steps: [
      commit({ offsets: [['@missing', 0, 1]] }),
      commit({ offsets: [['@a', 9, 1]] }),
      commit({ offsets: [['@a', -1, 1]] }),
      listed(),
      commit({
        offsets: [
          ['@a', 9, 1],
          ['@a', 1, 2],
          ['@missing', 0, 1],
          ['@missing', 1, 1],
        ],
      }),
      commit({ offsets: [['not a name', 0, 1]] }),
      commit({ offsets: [['', 0, 1]] }),
      committed(),
    ],
  }),
  scenario(OffsetCommit, 'what is refused of a topic comes before what is refused of a group', {
    covers: ['8.28'],
    topics: a,
    steps: [
      commit({
        generationIdOrMemberEpoch: 4,
        offsets: [
          ['@missing', 0, 1],
          ['@a', 7, 1],
          ['@a', 0, 1],
        ],
      }),
    ],
  }),
  scenario(OffsetCommit, 'nothing to commit', {
    covers: ['8.28'],
    topics: a,
    steps: [
      commit({ offsets: [] }),
      ask(OffsetCommit, { groupId: '@g', memberId: '', topics: [{ name: '@a', topicId: '@a', partitions: [] }] }),
      listed(),
      commit({ generationIdOrMemberEpoch: 7, offsets: [] }),
    ],
  }),
  scenario(OffsetCommit, 'a partition twice', {
    covers: ['8.28'],
    topics: a,
    steps: [
      commit({
        offsets: [
          ['@a', 0, 1],
          ['@a', 0, 2],
        ],
      }),
      committed(),
    ],
  }),
  scenario(OffsetCommit, 'a topic twice', {
    covers: ['8.28'],
    topics: a,
    steps: [
      ask(OffsetCommit, {
        ...{ groupId: '@g', memberId: '' },
        topics: [1, 2].map((committedOffset) => ({
          ...{ name: '@a', topicId: '@a' },
          partitions: [{ partitionIndex: committedOffset, committedOffset, committedMetadata: null }],
        })),
      }),
      committed(),
    ],
  }),
  scenario(OffsetCommit, 'an absent group with a generation', {
    covers: ['8.29'],
    topics: a,
    steps: [
      commit({ generationIdOrMemberEpoch: 0 }),
      commit({ generationIdOrMemberEpoch: 5, memberId: 'member' }),
      listed(),
      commit({ generationIdOrMemberEpoch: -1, memberId: 'member' }),
      commit({ generationIdOrMemberEpoch: -2 }),
    ],
  }),
  scenario(OffsetCommit, 'members that a group without members does not know', {
    covers: ['8.30'],
    topics: a,
    steps: [
      commit(),
      commit({ memberId: 'member' }),
      commit({ memberId: 'member', groupInstanceId: 'instance' }),
      commit({ groupInstanceId: 'instance' }),
      commit({ generationIdOrMemberEpoch: 0 }),
      commit({ generationIdOrMemberEpoch: 3 }),
      commit({ generationIdOrMemberEpoch: 0, memberId: 'member' }),
      commit({ generationIdOrMemberEpoch: 0, memberId: 'member', groupInstanceId: 'instance' }),
    ],
  }),
  scenario(OffsetCommit, 'metadata, and how long it may be', {
    covers: ['8.31'],
    topics: a,
    steps: [
      commit({ offsets: [['@a', 0, 1, null]] }),
      commit({ offsets: [['@a', 1, 1, 'x'.repeat(METADATA_LENGTH_MAX)]] }),
      commit({
        offsets: [
          ['@a', 1, 2, 'x'.repeat(METADATA_LENGTH_MAX + 1)],
          ['@a', 2, 2, 'é€'],
        ],
      }),
      commit({ offsets: [['@a', 1, 3, '€'.repeat(METADATA_LENGTH_MAX)]] }),
      commit({ offsets: [['@a', 1, 4, '😀'.repeat(METADATA_LENGTH_MAX / 2)]] }),
      commit({ offsets: [['@a', 1, 5, '😀'.repeat(METADATA_LENGTH_MAX / 2 + 1)]] }),
      fetchOffsets({ partitions: [['@a', 0]] }, { version: 9 }),
      committed(),
    ],
  }),
  scenario(OffsetCommit, 'the empty group id', {
    covers: ['8.1', '8.29'],
    topics: a,
    steps: [
      commit({ groupId: '' }),
      fetchOffsets({ groupId: '', partitions: [['@a', 0]] }, { version: 9 }),
      commit({ groupId: '', generationIdOrMemberEpoch: 1 }),
      commit({ groupId: '', memberId: 'member' }),
      // Groups of other runs have other names; this one has but one.
      ask(DeleteGroups, { groupsNames: [''] }),
    ],
  }),
  scenario(OffsetCommit, 'offsets and leader epochs that no log has', {
    covers: ['8.28'],
    topics: a,
    steps: [
      ...[-1, -2, -100].map((offset) => commit({ offsets: [['@a', 0, offset]] })),
      commit({ leaderEpoch: -7 }),
      commit({ leaderEpoch: 2_147_483_647 }),
      committed(),
    ],
  }),
  scenario(OffsetCommit, 'a time after which offsets go', {
    covers: ['8.32'],
    versions: [2, 4],
    topics: a,
    steps: [
      commit({ retentionTimeMs: -1 }),
      commit({ retentionTimeMs: 0, offsets: [['@a', 1, 1]] }),
      commit({ retentionTimeMs: 100_000, offsets: [['@a', 2, 1]] }),
      commit({ retentionTimeMs: -100, offsets: [['@a', 2, 2]] }),
      committed(),
    ],
  }),
  scenario(OffsetCommit, 'offsets go after their time, and their group with the last of them', {
    covers: ['8.32', '8.35'],
    profile: 'strict',
    versions: [2, 4],
    topics: a,
    steps: [
      commit({ retentionTimeMs: -1, groupId: '@kept' }),
      commit({ retentionTimeMs: 1 }),
      { ...committed(), options: { version: 9, until: hasNoOffsets as never } },
      becomes('Dead'),
      committed('@kept'),
      described('@kept'),
    ],
  }),
  scenario(OffsetCommit, 'offsets go with their topic', {
    covers: ['8.35'],
    topics: { b: {} },
    steps: [
      create([{}]),
      commit({
        offsets: [
          ['@a', 0, 1],
          ['@b', 0, 2],
        ],
      }),
      removed(['@a']),
      { ...committed(), options: { version: 9, until: hasOneTopic as never } },
      removed(['@b']),
      { ...committed(), options: { version: 9, until: hasNoOffsets as never } },
      described(),
    ],
  }),
  scenario(OffsetCommit, 'members of a classic group', {
    covers: ['8.30'],
    profile: 'groups',
    topics: a,
    steps: [
      ...settled(),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 1 }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 0 }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 2 }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: -1 }),
      commit({ memberId: 'other', generationIdOrMemberEpoch: 1 }),
      commit({ memberId: 'other', generationIdOrMemberEpoch: -1 }),
      commit({ memberId: '', generationIdOrMemberEpoch: -1 }),
      commit({ memberId: '', generationIdOrMemberEpoch: 1 }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 1, groupInstanceId: 'instance' }),
      commit({ memberId: '', generationIdOrMemberEpoch: 1, groupInstanceId: 'instance' }),
      committed(),
      leave([{ memberId: '#0' }], {}, { version: 5 }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 1 }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: -1 }),
      commit({ memberId: '', generationIdOrMemberEpoch: -1 }),
    ],
  }),
  scenario(OffsetCommit, 'a static member of a classic group', {
    covers: ['8.30'],
    profile: 'groups',
    versions: [7, 10],
    topics: a,
    steps: [
      join({ groupInstanceId: 'instance' }, { version: 9 }),
      sync({ groupInstanceId: 'instance' }, { version: 5 }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 1, groupInstanceId: 'instance' }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 2, groupInstanceId: 'instance' }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 1 }),
      commit({ memberId: 'other', generationIdOrMemberEpoch: 1, groupInstanceId: 'instance' }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 1, groupInstanceId: 'other' }),
      commit({ memberId: '', generationIdOrMemberEpoch: 1, groupInstanceId: 'instance' }),
      commit({ memberId: '', generationIdOrMemberEpoch: -1, groupInstanceId: 'instance' }),
    ],
  }),
  scenario(OffsetCommit, 'while a classic group rebalances', {
    covers: ['8.30'],
    profile: 'groups',
    topics: a,
    steps: [
      ...enter(0),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 1 }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 0 }),
      commit({ memberId: '' }),
      sync({ assignments: { '#0': 'all' } }, { version: 5 }),
      ...enter(1, {}, { on: 'b', reply: 'later' }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 1 }),
      commit({ memberId: '#1', generationIdOrMemberEpoch: 1 }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 2 }),
      join({ memberId: '#0' }, { version: 9 }),
      answered(JoinGroup, 'b'),
      commit({ memberId: '#1', generationIdOrMemberEpoch: 2 }),
      commit({ memberId: '#1', generationIdOrMemberEpoch: 1 }),
    ],
  }),
  scenario(OffsetCommit, 'members of a consumer group', {
    covers: ['9.21'],
    profile: 'groups',
    topics: a,
    steps: [
      nextFully(),
      commit({ memberId: '@m', generationIdOrMemberEpoch: 1 }),
      commit({ memberId: '@m', generationIdOrMemberEpoch: 0 }),
      commit({ memberId: '@m', generationIdOrMemberEpoch: 2 }),
      commit({ memberId: '@m', generationIdOrMemberEpoch: -1 }),
      commit({ memberId: 'other', generationIdOrMemberEpoch: 1 }),
      commit({ memberId: '', generationIdOrMemberEpoch: 1 }),
      commit({ memberId: '', generationIdOrMemberEpoch: -1 }),
      committed(),
      next({ memberEpoch: -1 }),
      commit({ memberId: '@m', generationIdOrMemberEpoch: 1 }),
      commit({ memberId: '@m', generationIdOrMemberEpoch: -1 }),
      commit({ memberId: '', generationIdOrMemberEpoch: 2 }),
    ],
  }),
]

interface FetchReply {
  readonly groups: readonly { readonly topics: readonly unknown[] }[]
}

export function hasNoOffsets({ groups }: FetchReply): boolean {
  return groups[0]!.topics.length === 0
}

function hasOneTopic({ groups }: FetchReply): boolean {
  return groups[0]!.topics.length === 1
}
