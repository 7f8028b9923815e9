/** JoinGroup (11). Who a broker takes in, and how the members of a group come together. */
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import type { VersionRange } from '@ottla/protocol/codec.ts'
import {
  beat,
  becomes,
  commit,
  described,
  enter,
  type JoinText,
  join,
  leave,
  nextFully,
  sync,
} from '../requests-of-groups.ts'
import { answered, type Scenario, type ScenarioText, type Step, type StepOptions, scenario } from '../scenario.ts'

/** A member that has no id is given one and comes again with it (KIP-394), or is taken in at once. */
const ASKED_FOR_ID: VersionRange = [4, 9]
const TAKEN_IN: VersionRange = [0, 3]
/** Members may have names of their own (KIP-345). */
const STATIC: VersionRange = [5, 9]

type Enter = (index: number, text?: JoinText, options?: StepOptions) => Step[]

interface BothText extends Omit<ScenarioText, 'steps' | 'versions' | 'profile'> {
  readonly steps: (enter: Enter) => readonly (Step | readonly Step[])[]
}

const entersTwice: Enter = (index, text = {}, options = {}) => {
  const { on } = options
  return [join(text, on === undefined ? {} : { on }), join({ ...text, memberId: `#${index}` }, options)]
}
const entersOnce: Enter = (_, text = {}, options = {}) => [join(text, options)]

/** The same of the newer versions, and of those that have no second step to come in. */
function inBothWays(name: string, { steps, ...text }: BothText): Scenario[] {
  const profile = 'groups'
  return [
    scenario(JoinGroup, name, { ...text, profile, versions: ASKED_FOR_ID, steps: steps(entersTwice) }),
    scenario(JoinGroup, `${name} (old)`, { ...text, profile, versions: TAKEN_IN, steps: steps(entersOnce) }),
  ]
}

const named = { groupInstanceId: 'i0' }
const other = { groupInstanceId: 'i1' }
const b = { on: 'b', reply: 'later' } as const
const c = { on: 'c', reply: 'later' } as const
const first = { on: 'first', reply: 'later' } as const
const RANGE_AND_MORE: NonNullable<JoinText['protocols']> = [
  ['range', 'r'],
  ['sticky', 's'],
]

const STICKY_AND_RANGE = RANGE_AND_MORE.toReversed()
const STICKY_AND_OTHER: JoinText['protocols'] = [
  ['other', 'o'],
  ['sticky', 's'],
]

const REFUSALS: readonly Scenario[] = [
  scenario(JoinGroup, 'group ids and session timeouts that cannot be', {
    covers: ['8.1', '8.5'],
    steps: [
      join({ groupId: '' }),
      ...[5999, 0, -1, 1_800_001].map((sessionTimeoutMs) => join({ sessionTimeoutMs })),
      join({ groupId: '', sessionTimeoutMs: 1 }),
      join({ sessionTimeoutMs: 1, memberId: 'member' }),
      described(),
    ],
  }),
  scenario(JoinGroup, 'an absent group and a member that has an id', {
    covers: ['8.6'],
    steps: [join({ memberId: 'member' }), described()],
  }),
  scenario(JoinGroup, 'protocols that are none', {
    covers: ['8.8'],
    steps: [
      join({ protocolType: '' }),
      join({ protocols: [] }),
      join({ protocolType: '', protocols: [] }),
      described(),
    ],
  }),
  scenario(JoinGroup, 'a static member in a group that is absent', {
    covers: ['8.6', '8.12'],
    versions: STATIC,
    steps: [
      join({ memberId: 'member', groupInstanceId: 'instance' }),
      join({ groupInstanceId: '' }, { reply: 'later' }),
    ],
  }),
  ...inBothWays('protocols that others do not have', {
    covers: ['8.8'],
    steps: (enter) => [
      ...enter(0, { protocols: RANGE_AND_MORE }),
      join({ protocolType: 'connect' }),
      join({ protocolType: '' }),
      join({ protocols: [] }),
      join({ protocols: [['other', 'o']] }),
      join({ protocolType: 'connect', memberId: '#0' }),
      join({ memberId: '#0', protocols: [] }),
      join({ memberId: 'unknown', protocols: [['other', 'o']] }),
      described(),
      join({ memberId: '#0', protocols: [['other', 'o']] }),
    ],
  }),
  ...inBothWays('ids that a group does not know', {
    covers: ['8.12'],
    steps: (enter) => [
      ...enter(0),
      join({ memberId: 'unknown' }),
      join({ memberId: '#0', groupInstanceId: 'instance' }),
      sync({ assignments: { '#0': 'all' } }, { version: 5 }),
      join({ memberId: 'unknown' }),
      join({ memberId: '#0', groupInstanceId: 'instance' }),
    ],
  }),
]

const ALONE: readonly Scenario[] = [
  ...inBothWays('one member, from its entry to its end', {
    covers: ['8.3', '8.4', '8.9', '8.10', '8.13', '8.17'],
    steps: (enter) => [
      ...enter(0),
      described(),
      sync({ assignments: { '#0': 'all' } }, { version: 5 }),
      described(),
      beat({}, { version: 4 }),
      leave([{ memberId: '#0' }], {}, { version: 5 }),
      described(),
      ...enter(1),
      join({ memberId: '#0' }),
    ],
  }),
  ...inBothWays('a leader that joins again', {
    covers: ['8.13'],
    steps: (enter) => [
      ...enter(0),
      join({ memberId: '#0' }),
      join({ memberId: '#0', protocols: [['range', 'changed']] }),
      sync({ generationId: 2, assignments: { '#0': 'all' } }, { version: 5 }),
      join({ memberId: '#0', protocols: [['range', 'changed']] }),
      described(),
    ],
  }),
  scenario(JoinGroup, 'a member id that was given and is not used', {
    covers: ['8.10', '8.23'],
    profile: 'groups',
    versions: ASKED_FOR_ID,
    steps: [join(), join(), join({ memberId: '#1' }), join({ memberId: '#0', protocolType: 'connect' }), described()],
  }),
  scenario(JoinGroup, 'a member id that was given and is not used goes after its session', {
    covers: ['8.10', '8.14'],
    profile: 'groups',
    versions: [9, 9],
    steps: [join({ sessionTimeoutMs: 150 }), ...enter(1, {}, b), answered(JoinGroup, 'b'), join({ memberId: '#0' })],
  }),
  scenario(JoinGroup, 'a pending member id keeps a rebalance open until it leaves', {
    covers: ['8.14', '8.23'],
    profile: 'groups',
    versions: ASKED_FOR_ID,
    steps: [
      join(),
      join({}, { on: 'b' }),
      join({ memberId: '#1' }, b),
      becomes('CompletingRebalance'),
      leave([{ memberId: '#0' }], {}, { version: 5 }),
      answered(JoinGroup, 'b'),
      join({ memberId: '#0' }),
    ],
  }),
  scenario(JoinGroup, 'client ids make member ids', {
    covers: ['8.9'],
    profile: 'groups',
    steps: [
      join({ groupId: '@g1' }, { clientId: null }),
      join({ groupId: '@g2' }, { clientId: '' }),
      join({ groupId: '@g3' }, { clientId: 'client-7' }),
    ],
  }),
  scenario(JoinGroup, 'the first members of a group are waited for', {
    covers: ['8.14'],
    profile: 'strict',
    versions: [8, 9],
    // Static members are never only about to join: an empty group does not last in this profile.
    steps: [
      join(named, first),
      join(other, b),
      becomes('PreparingRebalance', { on: 'look' }),
      answered(JoinGroup, 'b'),
      answered(JoinGroup, 'first'),
      sync({ ...named, memberId: '#1', assignments: { '#1': 'half', '#0': 'other half' } }, { version: 5 }),
    ],
  }),
]

const TOGETHER: readonly Scenario[] = [
  ...inBothWays('a second member', {
    covers: ['8.3', '8.13', '8.14', '8.17', '8.20', '8.22'],
    steps: (enter) => [
      ...enter(0),
      sync({ assignments: { '#0': 'all' } }, { version: 5 }),
      ...enter(1, { protocols: [['range', 'second']] }, b),
      described('@g', { on: 'look' }),
      beat({}, { version: 4 }),
      sync({}, { version: 5 }),
      join({ memberId: '#0' }),
      answered(JoinGroup, 'b'),
      described('@g', { on: 'look' }),
      beat({ generationId: 2 }, { version: 4 }),
      join({ memberId: '#1', protocols: [['range', 'second']] }, { on: 'b' }),
      sync({ generationId: 2, memberId: '#1' }, { version: 5, ...b }),
      sync({ generationId: 2, assignments: { '#0': 'half', '#1': 'other half' } }, { version: 5 }),
      answered(SyncGroup, 'b'),
      described('@g', { on: 'look' }),
      join({ memberId: '#1', protocols: [['range', 'second']] }, { on: 'b' }),
    ],
  }),
  ...inBothWays('a follower that says something else', {
    covers: ['8.13'],
    steps: (enter) => [
      ...enter(0),
      ...enter(1, {}, b),
      join({ memberId: '#0' }),
      answered(JoinGroup, 'b'),
      sync({ generationId: 2, assignments: { '#0': 'half', '#1': 'other half' } }, { version: 5 }),
      join({ memberId: '#1', protocols: [['range', 'changed']] }, b),
      beat({ generationId: 2 }, { version: 4 }),
      join({ memberId: '#0' }),
      answered(JoinGroup, 'b'),
      join({ memberId: '#1', protocols: [['range', 'changed again']] }, b),
      beat({ generationId: 3 }, { version: 4 }),
    ],
  }),
  ...inBothWays('a leader that leaves, and who leads then', {
    covers: ['8.14', '8.17', '8.23'],
    steps: (enter) => [
      ...enter(0),
      ...enter(1, {}, b),
      join({ memberId: '#0' }),
      answered(JoinGroup, 'b'),
      leave([{ memberId: '#0' }], {}, { version: 5 }),
      beat({ memberId: '#1', generationId: 2 }, { version: 4 }),
      join({ memberId: '#1' }),
      described(),
    ],
  }),
  ...inBothWays('a follower that leaves while others wait for it', {
    covers: ['8.14', '8.23'],
    steps: (enter) => [
      ...enter(0),
      ...enter(1, {}, b),
      join({ memberId: '#0' }),
      answered(JoinGroup, 'b'),
      join({ memberId: '#0' }, first),
      leave([{ memberId: '#1' }], {}, { version: 5, on: 'b' }),
      answered(JoinGroup, 'first'),
      described('@g', { on: 'look' }),
    ],
  }),
  ...inBothWays('members that vote for their protocols', {
    covers: ['8.16'],
    steps: (enter) => [
      ...enter(0, { protocols: RANGE_AND_MORE }),
      ...enter(1, { protocols: STICKY_AND_OTHER }, b),
      join({ memberId: '#0', protocols: RANGE_AND_MORE }),
      answered(JoinGroup, 'b'),
      ...enter(2, { protocols: STICKY_AND_RANGE }, c),
      join({ memberId: '#1', protocols: RANGE_AND_MORE }, b),
      join({ memberId: '#0', protocols: RANGE_AND_MORE }),
      answered(JoinGroup, 'b'),
      answered(JoinGroup, 'c'),
      described('@g', { on: 'look' }),
    ],
  }),
  ...inBothWays('members that do not come again are dropped', {
    covers: ['8.14', '8.15'],
    steps: (enter) => [
      ...enter(0, { rebalanceTimeoutMs: 150, sessionTimeoutMs: 300 }),
      ...enter(1, { rebalanceTimeoutMs: 150, sessionTimeoutMs: 300 }, b),
      answered(JoinGroup, 'b'),
      beat({ generationId: 2 }, { version: 4 }),
      described('@g', { on: 'look' }),
    ],
  }).map((one) => ({ ...one, versions: one.versions![0] === 0 ? ([1, 1] as const) : ([9, 9] as const) })),
  ...inBothWays('members that do not sync are dropped', {
    covers: ['8.21'],
    steps: (enter) => [
      ...enter(0, { rebalanceTimeoutMs: 150, sessionTimeoutMs: 10_000 }),
      becomes('Empty', { on: 'look' }),
      beat({}, { version: 4 }),
    ],
  }).map((one) => ({ ...one, versions: one.versions![0] === 0 ? ([1, 1] as const) : ([9, 9] as const) })),
  ...inBothWays('a member that is silent', {
    covers: ['8.15', '8.22'],
    steps: (enter) => [
      ...enter(0, { rebalanceTimeoutMs: 5000, sessionTimeoutMs: 200 }),
      sync({ assignments: { '#0': 'all' } }, { version: 5 }),
      becomes('Empty', { on: 'look' }),
      beat({}, { version: 4 }),
      commit({ memberId: '#0', generationIdOrMemberEpoch: 1, offsets: [['@missing', 0, 1]] }, { version: 9 }),
    ],
  }).map((one) => ({ ...one, versions: one.versions![0] === 0 ? ([0, 0] as const) : ([9, 9] as const) })),
  ...inBothWays('a group that is full', {
    covers: ['8.7'],
    steps: (enter) => [
      ...enter(0),
      ...enter(1, {}, b),
      join({ memberId: '#0' }),
      answered(JoinGroup, 'b'),
      ...enter(2, {}, c),
      join({ memberId: '#1' }, b),
      join({ memberId: '#0' }),
      answered(JoinGroup, 'b'),
      answered(JoinGroup, 'c'),
      join({}, { on: 'd' }),
      join({ memberId: 'unknown' }, { on: 'd' }),
      described('@g', { on: 'look' }),
      leave([{ memberId: '#2' }], {}, { version: 5 }),
      join({}, { on: 'd', reply: 'later' }),
      described('@g', { on: 'look' }),
    ],
  }),
]

const STATIC_MEMBERS: readonly Scenario[] = [
  scenario(JoinGroup, 'a static member comes again while all is well', {
    covers: ['8.9', '8.11', '8.12'],
    profile: 'groups',
    versions: STATIC,
    steps: [
      join(named),
      sync({ ...named, assignments: { '#0': 'all' } }, { version: 5 }),
      join(named),
      described(),
      beat({ ...named }, { version: 4 }),
      beat({ ...named, memberId: '#1' }, { version: 4 }),
      sync({ ...named, memberId: '#1' }, { version: 5 }),
      join({ ...named, memberId: '#0' }),
      join({ ...named, memberId: 'unknown' }),
      join({ ...other, memberId: '#1' }),
      join({ memberId: '#0' }),
      join({ ...named, protocols: [['range', 'changed']] }),
      described(),
    ],
  }),
  scenario(JoinGroup, 'a static member that is replaced with another protocol', {
    covers: ['8.11'],
    profile: 'groups',
    versions: STATIC,
    steps: [
      join({ ...named, protocols: RANGE_AND_MORE }),
      sync({ ...named, assignments: { '#0': 'all' } }, { version: 5 }),
      join({ ...named, protocols: [['sticky', 's']] }),
      described(),
      join({ ...named, protocols: [['sticky', 's']], protocolType: 'connect' }),
    ],
  }),
  scenario(JoinGroup, 'a static member that is replaced before its group has synced', {
    covers: ['8.11'],
    profile: 'groups',
    versions: STATIC,
    steps: [
      join(named),
      join(named),
      sync({ ...named }, { version: 5 }),
      sync({ ...named, memberId: '#1', generationId: 2, assignments: { '#1': 'all' } }, { version: 5 }),
      described(),
    ],
  }),
  scenario(JoinGroup, 'a static follower is replaced, and the leader is', {
    covers: ['8.11', '8.17'],
    profile: 'groups',
    versions: STATIC,
    steps: [
      join(named),
      join(other, b),
      join({ ...named, memberId: '#0' }),
      answered(JoinGroup, 'b'),
      sync({ ...named, generationId: 2, assignments: { '#0': 'half', '#1': 'other half' } }, { version: 5 }),
      join(other, { on: 'b' }),
      sync({ ...other, memberId: '#2', generationId: 2 }, { version: 5, on: 'b' }),
      join(named),
      sync({ ...named, memberId: '#3', generationId: 2 }, { version: 5 }),
      join({ ...named, memberId: '#3' }, first),
      described('@g', { on: 'look' }),
    ],
  }),
  scenario(JoinGroup, 'a static member that waits is fenced by the one that takes its place', {
    covers: ['8.11'],
    profile: 'groups',
    versions: STATIC,
    steps: [
      join(named),
      join(other, b),
      join(other, c),
      answered(JoinGroup, 'b'),
      join({ ...named, memberId: '#0' }),
      answered(JoinGroup, 'c'),
      sync({ ...other, memberId: '#1', generationId: 2 }, { version: 5, ...b }),
      answered(SyncGroup, 'b'),
      described('@g', { on: 'look' }),
    ],
  }),
  scenario(JoinGroup, 'a static member that waits for its assignment is fenced', {
    covers: ['8.11'],
    profile: 'groups',
    versions: STATIC,
    steps: [
      join(named),
      join(other, b),
      join({ ...named, memberId: '#0' }),
      answered(JoinGroup, 'b'),
      sync({ ...other, memberId: '#1', generationId: 2 }, { version: 5, ...b }),
      join(other, c),
      answered(SyncGroup, 'b'),
      beat({ ...named, generationId: 2 }, { version: 4 }),
      join({ ...named, memberId: '#0' }),
      answered(JoinGroup, 'c'),
    ],
  }),
  scenario(JoinGroup, 'static members do not leave a rebalance by being late', {
    covers: ['8.14'],
    profile: 'groups',
    versions: [9, 9],
    steps: [
      join({ ...named, rebalanceTimeoutMs: 150 }),
      sync({ ...named, assignments: { '#0': 'all' } }, { version: 5 }),
      join({ ...other, rebalanceTimeoutMs: 150 }, b),
      answered(JoinGroup, 'b'),
      described('@g', { on: 'look' }),
      leave([{ memberId: '', ...named }], {}, { version: 5 }),
      described('@g', { on: 'look' }),
    ],
  }),
]

const MIXED: readonly Scenario[] = [
  scenario(JoinGroup, 'consumers that say what is no subscription', {
    covers: ['8.14'],
    profile: 'groups',
    versions: [9, 9],
    steps: [...enter(0, { protocols: [['range', () => Buffer.from('metadata')]] })],
  }),
  scenario(JoinGroup, 'a group that has offsets', {
    covers: ['8.6', '8.30'],
    profile: 'groups',
    topics: { a: {} },
    steps: [commit({}, { version: 9 }), join({ memberId: 'member' }), join({ protocolType: '' }), join(), described()],
  }),
  scenario(JoinGroup, 'a consumer group that is empty becomes a classic one', {
    covers: ['8.6', '9.23'],
    profile: 'groups',
    topics: { a: {} },
    steps: [
      nextFully(),
      join({ protocolType: 'connect' }),
      nextFully({ memberEpoch: -1 }),
      join({ memberId: 'member' }),
      join({ protocolType: 'connect' }),
      described(),
    ],
  }),
]

export const JOIN_GROUP: readonly Scenario[] = [...REFUSALS, ...ALONE, ...TOGETHER, ...STATIC_MEMBERS, ...MIXED]
