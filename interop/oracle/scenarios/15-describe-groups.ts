/** DescribeGroups (15), ListGroups (16) and DeleteGroups (42). */
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { DescribeGroups } from '@ottla/protocol/apis/15-describe-groups.ts'
import { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import { DeleteGroups } from '@ottla/protocol/apis/42-delete-groups.ts'
import { commit, committed, enter, join, leave, list, next, nextFully, settled, sync } from '../requests-of-groups.ts'
import { type AskStep, answered, ask, type Scenario, type Step, scenario } from '../scenario.ts'

const a = { a: {} }
const profile = 'groups'
const NEWEST = { version: 9 }

const describeAll = (groups: readonly string[], includeAuthorizedOperations = false): AskStep =>
  ask(DescribeGroups, { groups: [...groups], includeAuthorizedOperations }, { on: 'look' })
const describe = (): AskStep => describeAll(['@g'])

export const DESCRIBE_GROUPS: readonly Scenario[] = [
  scenario(DescribeGroups, 'groups that are not there', {
    covers: ['8.1', '8.24'],
    topics: a,
    steps: [
      describeAll(['@missing']),
      describeAll(['']),
      describeAll([]),
      describeAll(['@one', '@two', '@one']),
      describeAll(['@missing'], true),
    ],
  }),
  scenario(DescribeGroups, 'groups that have only offsets', {
    covers: ['8.24', '8.29'],
    topics: a,
    steps: [commit(), describe(), describeAll(['@missing', '@g'], true)],
  }),
  scenario(DescribeGroups, 'a group in each of its states', {
    covers: ['8.3', '8.24'],
    profile,
    steps: [
      join({ protocols: [['range', 'first']] }, NEWEST),
      describe(),
      join({ memberId: '#0', protocols: [['range', 'first']] }, NEWEST),
      describe(),
      sync({ assignments: { '#0': 'all' } }),
      describe(),
      ...enter(1, { protocols: [['range', 'second']] }, { on: 'b', reply: 'later' }),
      describe(),
      join({ memberId: '#0', protocols: [['range', 'first again']] }, NEWEST),
      answered(JoinGroup, 'b'),
      describe(),
      sync({ generationId: 2, assignments: { '#0': 'half', '#1': 'other half' } }),
      describe(),
      leave([{ memberId: '#1' }]),
      describe(),
      leave(),
      describe(),
    ],
  }),
  scenario(DescribeGroups, 'static members, and other types of groups', {
    covers: ['8.24'],
    profile,
    steps: [
      join({ groupInstanceId: 'i0', protocolType: 'connect' }, { ...NEWEST, clientId: 'worker' }),
      sync({ groupInstanceId: 'i0', protocolType: 'connect', assignments: { '#0': 'task' } }),
      describe(),
    ],
  }),
  scenario(DescribeGroups, 'what may be done with a group', {
    covers: ['8.24'],
    profile,
    versions: [3, 6],
    steps: [...settled(), describeAll(['@g'], true)],
  }),
  scenario(DescribeGroups, 'consumer groups are not told here', {
    covers: ['8.24', '9.22'],
    profile,
    topics: a,
    steps: [nextFully(), describe(), next({ memberEpoch: -1 }), describe()],
  }),
]

/** Groups of all kinds and states that last. */
const MANY: readonly Step[] = [
  commit({ groupId: '@offsets' }),
  ...settled({ groupId: '@stable' }),
  ...enter(1, { groupId: '@completing', protocolType: 'connect' }),
  join({ groupId: '@given' }, NEWEST),
  nextFully({ groupId: '@consumers' }),
  nextFully({ groupId: '@left' }),
  next({ groupId: '@left', memberEpoch: -1 }),
]

export const LIST_GROUPS: readonly Scenario[] = [
  scenario(ListGroups, 'nothing, and groups of all kinds', {
    covers: ['8.25', '9.23'],
    profile,
    topics: a,
    steps: [list(), ...MANY, list()],
  }),
  scenario(ListGroups, 'by state', {
    covers: ['8.25'],
    profile,
    versions: [4, 5],
    topics: a,
    steps: [
      ...MANY,
      ...[
        'Stable',
        'stable',
        'EMPTY',
        'CompletingRebalance',
        'PreparingRebalance',
        'Dead',
        'Unknown',
        'nonsense',
        '',
      ].map((state) => list({ statesFilter: [state] })),
      list({ statesFilter: ['Empty', 'Stable'] }),
      list({ statesFilter: ['Assigning', 'Reconciling'] }),
      list({ statesFilter: ['nonsense', 'Stable'] }),
    ],
  }),
  scenario(ListGroups, 'by type', {
    covers: ['8.25', '9.23'],
    profile,
    versions: [5, 5],
    topics: a,
    steps: [
      ...MANY,
      ...['classic', 'Classic', 'CONSUMER', 'share', 'streams', 'unknown', 'nonsense', ''].map((type) =>
        list({ typesFilter: [type] }),
      ),
      list({ typesFilter: ['classic', 'consumer'] }),
      list({ typesFilter: ['classic', 'nonsense'] }),
      list({ typesFilter: ['classic'], statesFilter: ['Empty'] }),
      list({ typesFilter: ['consumer'], statesFilter: ['CompletingRebalance'] }),
    ],
  }),
]

const drop = (...groupsNames: readonly string[]): AskStep => ask(DeleteGroups, { groupsNames: [...groupsNames] })

export const DELETE_GROUPS: readonly Scenario[] = [
  scenario(DeleteGroups, 'groups that are not there', {
    covers: ['8.1', '8.26'],
    steps: [drop('@missing'), drop(''), drop(), drop('@one', '', '@two')],
  }),
  scenario(DeleteGroups, 'groups with offsets go with them', {
    covers: ['8.26'],
    topics: a,
    steps: [
      commit(),
      drop('@g', '@missing'),
      committed(),
      drop('@g'),
      commit(),
      commit({ groupId: '@other' }),
      drop('@g', '@other', '@g'),
      committed(),
    ],
  }),
  scenario(DeleteGroups, 'groups with members stay', {
    covers: ['8.26'],
    profile,
    topics: a,
    steps: [
      join({}, NEWEST),
      drop('@g'),
      join({}, NEWEST),
      join({ memberId: '#1' }, NEWEST),
      drop('@g'),
      sync({ memberId: '#1', assignments: { '#1': 'all' } }),
      drop('@g'),
      commit({ memberId: '#1', generationIdOrMemberEpoch: 1 }),
      leave([{ memberId: '#1' }]),
      drop('@g'),
      committed(),
      describe(),
    ],
  }),
  scenario(DeleteGroups, 'consumer groups', {
    covers: ['8.26', '9.23'],
    profile,
    topics: a,
    steps: [
      nextFully(),
      commit({ memberId: '@m', generationIdOrMemberEpoch: 1 }),
      drop('@g'),
      next({ memberEpoch: -1 }),
      drop('@g'),
      drop('@g'),
      committed(),
    ],
  }),
]
