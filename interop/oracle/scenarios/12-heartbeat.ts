/** Heartbeat (12), LeaveGroup (13) and SyncGroup (14). */
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import { LeaveGroup } from '@ottla/protocol/apis/13-leave-group.ts'
import { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import type { VersionRange } from '@ottla/protocol/codec.ts'
import { beat, commit, described, enter, join, leave, next, nextFully, settled, sync } from '../requests-of-groups.ts'
import { answered, type Scenario, type Step, scenario } from '../scenario.ts'

const NEWEST = { version: 9 }
const named = { groupInstanceId: 'i0' }
const profile = 'groups'

/** Two members; `#0` leads generation 2, and nobody has synced. */
const PAIR: readonly Step[] = [
  ...enter(0),
  ...enter(1, {}, { on: 'b', reply: 'later' }),
  join({ memberId: '#0' }, NEWEST),
  answered(JoinGroup, 'b'),
]

const STATIC_BEAT: VersionRange = [3, 4]
const STATIC_SYNC: VersionRange = [3, 5]
const MANY_LEAVE: VersionRange = [3, 5]

export const HEARTBEAT: readonly Scenario[] = [
  scenario(Heartbeat, 'groups and members that are not there', {
    covers: ['8.1', '8.22'],
    profile,
    topics: { a: {} },
    steps: [
      beat({ memberId: 'member' }),
      beat({ memberId: '' }),
      beat({ groupId: '', memberId: 'member' }),
      commit(),
      beat({ memberId: 'member' }),
      beat({ memberId: '', generationId: 0 }),
      beat({ memberId: '', generationId: -1 }),
    ],
  }),
  scenario(Heartbeat, 'in each state of a group', {
    covers: ['8.3', '8.22'],
    profile,
    steps: [
      join({}, NEWEST),
      beat({ generationId: 0 }),
      beat({ generationId: -1 }),
      join({ memberId: '#0' }, NEWEST),
      beat(),
      beat({ generationId: 0 }),
      beat({ generationId: 2 }),
      beat({ memberId: 'other' }),
      sync({ assignments: { '#0': 'all' } }),
      beat(),
      beat({ generationId: 0 }),
      beat({ memberId: 'other' }),
      ...enter(1, {}, { on: 'b', reply: 'later' }),
      beat(),
      beat({ generationId: 2 }),
      leave([{ memberId: '#0' }]),
      answered(JoinGroup, 'b'),
      beat({ memberId: '#1', generationId: 2 }),
      beat({ generationId: 2 }),
      leave([{ memberId: '#1' }]),
      beat({ memberId: '#1', generationId: 2 }),
      beat({ memberId: '#1', generationId: 3 }),
    ],
  }),
  scenario(Heartbeat, 'of static members', {
    covers: ['8.22'],
    profile,
    versions: STATIC_BEAT,
    steps: [
      join(named, NEWEST),
      sync({ ...named, assignments: { '#0': 'all' } }),
      beat(named),
      beat(),
      beat({ ...named, generationId: 7 }),
      beat({ ...named, memberId: 'other' }),
      beat({ ...named, memberId: '' }),
      beat({ groupInstanceId: 'other' }),
      beat({ groupInstanceId: 'other', memberId: 'other' }),
      beat({ groupInstanceId: '', memberId: '#0' }),
    ],
  }),
  scenario(Heartbeat, 'of a consumer group', {
    covers: ['9.24'],
    profile,
    topics: { a: {} },
    steps: [
      nextFully(),
      beat({ memberId: '@m' }),
      beat({ memberId: 'other' }),
      next({ memberEpoch: -1 }),
      beat({ memberId: '@m' }),
    ],
  }),
]

export const LEAVE_GROUP: readonly Scenario[] = [
  scenario(LeaveGroup, 'groups and members that are not there', {
    covers: ['8.1', '8.23'],
    profile,
    topics: { a: {} },
    steps: [
      leave([{ memberId: 'member' }]),
      leave([{ memberId: 'member' }], { groupId: '' }),
      leave([{ memberId: '' }]),
      commit(),
      leave([{ memberId: 'member' }]),
      leave([{ memberId: '' }]),
    ],
  }),
  scenario(LeaveGroup, 'a member leaves, and an id that was only given', {
    covers: ['8.23'],
    profile,
    steps: [
      ...settled(),
      leave([{ memberId: 'other' }]),
      leave([{ memberId: '' }]),
      join({}, NEWEST),
      leave([{ memberId: '#1' }]),
      leave([{ memberId: '#1' }]),
      leave(),
      leave(),
      described(),
    ],
  }),
  scenario(LeaveGroup, 'of two members one leaves, then the other', {
    covers: ['8.14', '8.23'],
    profile,
    steps: [
      ...PAIR,
      sync({ generationId: 2, assignments: { '#0': 'half', '#1': 'other half' } }),
      leave([{ memberId: '#1' }]),
      beat({ generationId: 2 }),
      described(),
      leave(),
      described(),
    ],
  }),
  scenario(LeaveGroup, 'a member that waits leaves on another connection', {
    covers: ['8.23'],
    profile,
    steps: [
      ...settled(),
      ...enter(1, {}, { on: 'b', reply: 'later' }),
      leave([{ memberId: '#1' }]),
      answered(JoinGroup, 'b'),
      described(),
    ],
  }),
  scenario(LeaveGroup, 'several at once', {
    covers: ['8.23'],
    profile,
    versions: MANY_LEAVE,
    steps: [
      ...PAIR,
      leave([]),
      leave([{ memberId: 'other' }, { memberId: '#1', reason: 'tired' }, { memberId: '#1' }]),
      described(),
      leave([{ memberId: '#1' }, { memberId: '#0' }]),
      described(),
      leave([]),
      leave([], { groupId: '@missing' }),
      leave([{ memberId: 'one' }, { memberId: '', groupInstanceId: 'two' }], { groupId: '@missing' }),
    ],
  }),
  scenario(LeaveGroup, 'of static members', {
    covers: ['8.23'],
    profile,
    versions: MANY_LEAVE,
    steps: [
      join(named, NEWEST),
      sync({ ...named, assignments: { '#0': 'all' } }),
      leave([{ memberId: 'other', ...named }]),
      leave([{ memberId: '', groupInstanceId: 'other' }]),
      leave([{ memberId: '#0', groupInstanceId: 'other' }]),
      leave([{ memberId: '', ...named }]),
      described(),
      join(named, NEWEST),
      leave([{ memberId: '#1' }]),
      described(),
      join(named, NEWEST),
      leave([{ memberId: '#2', ...named }]),
      described(),
    ],
  }),
  scenario(LeaveGroup, 'of a consumer group', {
    covers: ['9.24'],
    profile,
    topics: { a: {} },
    steps: [nextFully(), leave([{ memberId: '@m' }]), leave([{ memberId: 'other' }]), next()],
  }),
]

export const SYNC_GROUP: readonly Scenario[] = [
  scenario(SyncGroup, 'groups and members that are not there', {
    covers: ['8.1', '8.19'],
    profile,
    topics: { a: {} },
    steps: [
      sync({ memberId: 'member' }),
      sync({ memberId: '' }),
      sync({ groupId: '', memberId: 'member' }),
      commit(),
      sync({ memberId: 'member' }),
      sync({ memberId: '', generationId: 0 }),
      join({}, NEWEST),
      sync({ generationId: 0 }),
    ],
  }),
  scenario(SyncGroup, 'generations and members', {
    covers: ['8.18', '8.19', '8.20'],
    profile,
    steps: [
      ...enter(0),
      sync({ generationId: 0 }),
      sync({ generationId: 2 }),
      sync({ memberId: 'other' }),
      sync({ memberId: '' }),
      sync({ assignments: { '#0': 'all', other: 'nothing' } }),
      sync({ generationId: 0 }),
      sync({ memberId: 'other' }),
      sync(),
      sync({ assignments: { '#0': 'changed' } }),
      described(),
    ],
  }),
  scenario(SyncGroup, 'protocols', {
    covers: ['8.19'],
    profile,
    versions: [5, 5],
    steps: [
      ...enter(0),
      sync({ protocolType: null }),
      sync({ protocolName: null }),
      sync({ protocolType: null, protocolName: null, memberId: 'other' }),
      sync({ protocolType: 'connect' }),
      sync({ protocolName: 'sticky' }),
      sync({ protocolName: 'sticky', generationId: 9 }),
      sync({ protocolType: '', protocolName: '' }),
      sync({ assignments: { '#0': 'all' } }),
      sync({ protocolName: 'sticky' }),
    ],
  }),
  scenario(SyncGroup, 'a leader that assigns nothing', {
    covers: ['8.20'],
    profile,
    steps: [...enter(0), sync(), sync(), described()],
  }),
  scenario(SyncGroup, 'followers wait for the leader', {
    covers: ['8.20'],
    profile,
    steps: [
      ...PAIR,
      sync(
        { generationId: 2, memberId: '#1', assignments: { '#0': 'not', '#1': 'mine' } },
        { on: 'b', reply: 'later' },
      ),
      described(),
      sync({ generationId: 2, assignments: { '#0': 'all' } }),
      answered(SyncGroup, 'b'),
      sync({ generationId: 2, memberId: '#1' }),
      described(),
    ],
  }),
  scenario(SyncGroup, 'a rebalance while a follower waits', {
    covers: ['8.20'],
    profile,
    steps: [
      ...PAIR,
      sync({ generationId: 2, memberId: '#1' }, { on: 'b', reply: 'later' }),
      join({ memberId: '#0', protocols: [['range', 'changed']] }, { on: 'first', reply: 'later', version: 9 }),
      answered(SyncGroup, 'b'),
      sync({ generationId: 2, memberId: '#1' }, { on: 'b' }),
      sync({ generationId: 3, memberId: '#1' }, { on: 'b' }),
      join({ memberId: '#1' }, { on: 'b', version: 9 }),
      answered(JoinGroup, 'first'),
    ],
  }),
  scenario(SyncGroup, 'a follower that waits leaves, and its leader does', {
    covers: ['8.20', '8.23'],
    profile,
    steps: [
      ...PAIR,
      sync({ generationId: 2, memberId: '#1' }, { on: 'b', reply: 'later' }),
      leave([{ memberId: '#1' }]),
      answered(SyncGroup, 'b'),
      described(),
    ],
  }),
  scenario(SyncGroup, 'a leader leaves while a follower waits', {
    covers: ['8.20', '8.23'],
    profile,
    steps: [
      ...PAIR,
      sync({ generationId: 2, memberId: '#1' }, { on: 'b', reply: 'later' }),
      leave(),
      answered(SyncGroup, 'b'),
      join({ memberId: '#1' }, { on: 'b', version: 9 }),
    ],
  }),
  scenario(SyncGroup, 'static members', {
    covers: ['8.19'],
    profile,
    versions: STATIC_SYNC,
    steps: [
      join(named, NEWEST),
      sync({ ...named, memberId: 'other' }),
      sync({ groupInstanceId: 'other' }),
      sync({ ...named, generationId: 5 }),
      sync({ assignments: { '#0': 'all' } }),
      sync(named),
    ],
  }),
  scenario(SyncGroup, 'of a consumer group', {
    covers: ['9.24'],
    profile,
    topics: { a: {} },
    steps: [nextFully(), sync({ memberId: '@m' }), sync({ memberId: 'other' })],
  }),
]
