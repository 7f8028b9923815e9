/** ConsumerGroupHeartbeat (68) and ConsumerGroupDescribe (69): groups of the consumer protocol (KIP-848). */
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import { ConsumerGroupDescribe } from '@ottla/protocol/apis/69-consumer-group-describe.ts'
import type { VersionRange } from '@ottla/protocol/codec.ts'
import { create, grown, removed } from '../requests-of-admins.ts'
import {
  alterGroup,
  type BeatText,
  commit,
  describedNext,
  enter,
  join,
  leave,
  list,
  listed,
  next,
  nextFully,
  owns,
  settled,
} from '../requests-of-groups.ts'
import { type AskStep, ask, type Scenario, type StepOptions, scenario } from '../scenario.ts'
import { MIGRATIONS } from './68-migration.ts'

const profile = 'groups'
const a = { a: { partitions: 4 } }
const WITH_REGEX: VersionRange = [1, 1]
const MADE_BY_BROKER: VersionRange = [0, 0]
const UNKNOWN_TOPIC = 'b3R0bGFfdW5rbm93bl9pZA'

/** The group, in the newest form. */
const look = (): AskStep => describedNext('@g', { version: 1, on: 'look' })
const lookUntil = (isThere: (group: DescribedNext) => boolean): AskStep => {
  const until = (reply: { groups: DescribedNext[] }): boolean => isThere(reply.groups[0]!)
  return describedNext('@g', { version: 1, on: 'look', until: until as never })
}
const beatUntil = (
  text: BeatText,
  isThere: (reply: { memberEpoch: number; errorCode: number }) => boolean,
): AskStep => {
  return next(text, { until: isThere as never } satisfies StepOptions)
}

interface DescribedNext {
  readonly groupState: string
  readonly groupEpoch: number
  readonly members: readonly unknown[]
}

const VALIDATION: readonly Scenario[] = [
  scenario(ConsumerGroupHeartbeat, 'fields that cannot be', {
    covers: ['8.1', '9.3', '9.4', '9.5'],
    topics: a,
    steps: [
      nextFully({ groupId: '' }),
      next({ memberId: '' }),
      next({ memberId: '', memberEpoch: -1 }),
      next({ memberId: '', memberEpoch: -2, instanceId: 'i0' }),
      nextFully({ instanceId: '' }),
      nextFully({ rackId: '' }),
      nextFully({ rebalanceTimeoutMs: -1 }),
      nextFully({ topicPartitions: null }),
      nextFully(owns(0)),
      nextFully({ subscribedTopicNames: null }),
      next({ memberEpoch: -2 }),
      next({ memberEpoch: -3 }),
      next({ memberEpoch: -3, memberId: '', groupId: '' }),
      nextFully({ serverAssignor: '' }),
      nextFully({ serverAssignor: 'nonsense' }),
      nextFully({ rebalanceTimeoutMs: 0, serverAssignor: 'nonsense' }),
      nextFully({ rebalanceTimeoutMs: -5, groupId: '@g1' }),
      nextFully({ rebalanceTimeoutMs: 0, groupId: '@g2' }),
      look(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'groups that are not there', {
    covers: ['9.8', '9.9'],
    topics: a,
    steps: [next(), next({ memberEpoch: -1 }), next({ memberEpoch: -2, instanceId: 'i0' }), look()],
  }),
  scenario(ConsumerGroupHeartbeat, 'names that are strange', {
    covers: ['9.4', '9.16'],
    topics: a,
    steps: [
      nextFully({ subscribedTopicNames: ['not a name', ''] }),
      look(),
      nextFully({ groupId: '@other', subscribedTopicNames: ['@a', '@a', '__consumer_offsets'] }),
      describedNext('@other', { version: 1 }),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'where the protocol is not enabled', {
    covers: ['9.1'],
    profile: 'strict',
    steps: [nextFully(), next(), next({ memberId: '' }), look(), list()],
  }),
]

const ALONE: readonly Scenario[] = [
  scenario(ConsumerGroupHeartbeat, 'one member, from its entry to its end', {
    covers: ['9.7', '9.8', '9.9', '9.14', '9.16', '9.19'],
    profile,
    topics: a,
    steps: [
      nextFully(),
      look(),
      next(owns(0, 1, 2, 3)),
      next(),
      nextFully({ memberEpoch: 1, ...owns(0, 1, 2, 3) }),
      nextFully({ memberEpoch: 1, ...owns(0) }),
      look(),
      next({ memberEpoch: -1 }),
      next({ memberEpoch: -1 }),
      next(),
      look(),
      listed(),
      nextFully(),
      look(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'a member whose id the broker makes', {
    covers: ['9.4'],
    profile,
    versions: MADE_BY_BROKER,
    topics: a,
    steps: [
      nextFully({ memberId: '' }),
      next({ memberId: '#0' }),
      nextFully({ memberId: '' }),
      look(),
      next({ memberId: '' }),
      next({ memberId: '', memberEpoch: -1 }),
      next({ memberId: '#0', memberEpoch: -1 }),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'epochs of members', {
    covers: ['9.11'],
    profile,
    topics: a,
    steps: [
      nextFully(),
      next({ memberEpoch: 2 }),
      next({ memberId: 'other' }),
      next({ memberId: 'other', memberEpoch: -1 }),
      next({ memberEpoch: 0, rebalanceTimeoutMs: 1000, subscribedTopicNames: ['@a'], topicPartitions: [] }),
      next({ subscribedTopicNames: [] }),
      look(),
      next(),
      next(owns()),
      next({ topicPartitions: [] }),
      next(owns(0)),
      next({ memberEpoch: 2 }),
      nextFully(),
      next({ memberEpoch: 1, ...owns(0, 1) }),
      next({ memberEpoch: 2, ...owns(0, 1) }),
      next({ memberEpoch: 2, topicPartitions: [{ topicId: UNKNOWN_TOPIC, partitions: [0] }] }),
      next({ memberEpoch: 2, ...owns(9) }),
      look(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'subscriptions that change', {
    covers: ['9.14', '9.16'],
    profile,
    topics: { ...a, b: { partitions: 2 } },
    steps: [
      nextFully(),
      next({ subscribedTopicNames: ['@a', '@b'] }),
      next({ memberEpoch: 2, subscribedTopicNames: ['@b', '@a'] }),
      next({ memberEpoch: 2, subscribedTopicNames: ['@b'] }),
      look(),
      next({ memberEpoch: 2, topicPartitions: [{ topicId: '@b', partitions: [0, 1] }] }),
      next({ memberEpoch: 3, subscribedTopicNames: ['@missing'] }),
      next({ memberEpoch: 3, topicPartitions: [] }),
      look(),
      next({ memberEpoch: 4, rackId: 'rack', instanceId: 'instance', rebalanceTimeoutMs: 500 }),
      look(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'a topic that comes, grows and goes', {
    covers: ['9.16'],
    profile,
    steps: [
      nextFully(),
      look(),
      create([{}]),
      beatUntil({ memberEpoch: 1 }, ({ memberEpoch }) => memberEpoch === 2),
      look(),
      grown('@a', 3),
      beatUntil({ memberEpoch: 2, ...owns(0) }, ({ memberEpoch }) => memberEpoch === 3),
      look(),
      removed(['@a']),
      beatUntil({ memberEpoch: 3, topicPartitions: [] }, ({ memberEpoch }) => memberEpoch === 4),
      look(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'assignors of the server', {
    covers: ['9.6', '9.16'],
    profile,
    topics: a,
    steps: [
      nextFully({ serverAssignor: 'range' }),
      look(),
      next({ serverAssignor: 'uniform' }),
      look(),
      next({ serverAssignor: 'nonsense' }),
      nextFully({ memberId: '@n', serverAssignor: 'range' }),
      look(),
    ],
  }),
]

const TOGETHER: readonly Scenario[] = [
  scenario(ConsumerGroupHeartbeat, 'two members come to terms', {
    covers: ['9.15', '9.16', '9.17', '9.18', '9.19', '9.22'],
    profile,
    topics: a,
    steps: [
      nextFully(),
      next(owns(0, 1, 2, 3)),
      nextFully({ memberId: '@n' }),
      look(),
      next({ memberId: '@n', memberEpoch: 2 }),
      next(),
      look(),
      next(owns(0, 1, 2, 3)),
      next({ memberId: '@n', memberEpoch: 2, topicPartitions: [] }),
      next(owns(0, 1)),
      look(),
      next({ memberEpoch: 2, ...owns(0, 1) }),
      next({ memberId: '@n', memberEpoch: 2, topicPartitions: [] }),
      next({ memberId: '@n', memberEpoch: 2, ...owns(2, 3) }),
      look(),
      next({ memberEpoch: -1 }),
      next({ memberId: '@n', memberEpoch: 2, ...owns(2, 3) }),
      look(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'a member that leaves while another waits for its partitions', {
    covers: ['9.8', '9.17'],
    profile,
    topics: a,
    steps: [
      nextFully(),
      nextFully({ memberId: '@n' }),
      next(),
      next({ memberEpoch: -1 }),
      next({ memberId: '@n', memberEpoch: 2, topicPartitions: [] }),
      look(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'a group that is full', {
    covers: ['9.10'],
    profile,
    topics: a,
    steps: [
      ...['@1', '@2', '@3', '@4'].map((memberId) => nextFully({ memberId })),
      nextFully({ memberId: '@1' }),
      next({ memberId: '@2', memberEpoch: -1 }),
      nextFully({ memberId: '@4' }),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'members that want different topics', {
    covers: ['9.16', '9.17'],
    profile,
    topics: { ...a, b: { partitions: 2 } },
    steps: [
      nextFully(),
      nextFully({ memberId: '@n', subscribedTopicNames: ['@b'] }),
      next(owns(0, 1, 2, 3)),
      look(),
      nextFully({ memberId: '@o', subscribedTopicNames: [] }),
      look(),
    ],
  }),
]

const instanceId = 'i0'

const STATIC: readonly Scenario[] = [
  scenario(ConsumerGroupHeartbeat, 'a static member goes and comes again', {
    covers: ['9.8', '9.12'],
    profile,
    topics: a,
    steps: [
      nextFully({ instanceId }),
      nextFully({ instanceId, memberId: '@n' }),
      next({ instanceId, ...owns(0, 1, 2, 3) }),
      next({ instanceId, memberId: '@n' }),
      next({ instanceId: 'other' }),
      next({ instanceId, memberEpoch: -2, memberId: '@n' }),
      next({ instanceId: 'other', memberEpoch: -2 }),
      next({ instanceId, memberEpoch: -2 }),
      look(),
      next({ instanceId }),
      nextFully({ instanceId, memberId: '@n' }),
      look(),
      next({ instanceId }),
      next({ instanceId, memberId: '@n' }),
      next({ instanceId, memberEpoch: -1 }),
      next({ instanceId, memberId: '@n', memberEpoch: -1 }),
      look(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'a static member comes again with another subscription', {
    covers: ['9.12', '9.16'],
    profile,
    topics: { ...a, b: {} },
    steps: [
      nextFully({ instanceId }),
      next({ instanceId, memberEpoch: -2 }),
      nextFully({ instanceId, memberId: '@n', subscribedTopicNames: ['@b'] }),
      look(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'the place of a static member is kept', {
    covers: ['9.8', '9.12'],
    profile,
    topics: a,
    steps: [
      nextFully({ instanceId }),
      next({ instanceId, memberEpoch: -2 }),
      nextFully({ memberId: '@n' }),
      look(),
      nextFully({ instanceId, memberId: '@o' }),
      look(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'a dynamic member that calls itself static', {
    covers: ['9.12'],
    profile,
    topics: a,
    steps: [
      nextFully(),
      next({ instanceId }),
      next({ instanceId, memberEpoch: -2 }),
      nextFully({ instanceId }),
      look(),
    ],
  }),
]

const REGEX: readonly Scenario[] = [
  scenario(ConsumerGroupHeartbeat, 'topics by a pattern', {
    covers: ['9.13', '9.14'],
    profile,
    versions: WITH_REGEX,
    topics: { a1: {}, a2: { partitions: 2 }, b: {} },
    steps: [
      nextFully({ subscribedTopicNames: null, subscribedTopicRegex: '@a.*' }),
      lookUntil(({ groupEpoch }) => groupEpoch === 2),
      next(),
      look(),
      next({ memberEpoch: 2, subscribedTopicNames: ['@b'] }),
      look(),
      next({ memberEpoch: 3, subscribedTopicRegex: '' }),
      look(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'patterns that are none', {
    covers: ['9.13'],
    profile,
    versions: WITH_REGEX,
    topics: { a1: {} },
    steps: [
      ...['(', '[a', 'a{2', '*', '(?<n>a)', '(a)\\1', '(?=a)', 'a++'].map((subscribedTopicRegex) =>
        nextFully({ subscribedTopicNames: null, subscribedTopicRegex }),
      ),
      look(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'a pattern that nothing matches, and an empty one', {
    covers: ['9.13', '9.14'],
    profile,
    versions: WITH_REGEX,
    steps: [
      nextFully({ subscribedTopicNames: null, subscribedTopicRegex: '@nothing' }),
      look(),
      nextFully({ groupId: '@other', subscribedTopicNames: null, subscribedTopicRegex: '' }),
      describedNext('@other', { version: 1 }),
      nextFully({ groupId: '@third', subscribedTopicNames: [], subscribedTopicRegex: '' }),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'two members with one pattern', {
    covers: ['9.13', '9.16'],
    profile,
    versions: WITH_REGEX,
    topics: { a1: { partitions: 4 } },
    steps: [
      nextFully({ subscribedTopicNames: null, subscribedTopicRegex: '@a.*' }),
      lookUntil(({ groupEpoch }) => groupEpoch === 2),
      next(),
      nextFully({ memberId: '@n', subscribedTopicNames: null, subscribedTopicRegex: '@a.*' }),
      look(),
    ],
  }),
]

const TIMES: readonly Scenario[] = [
  scenario(ConsumerGroupHeartbeat, 'settings of one group', {
    covers: ['9.19', '9.20'],
    profile,
    topics: a,
    steps: [
      alterGroup({ 'consumer.heartbeat.interval.ms': '200' }),
      nextFully(),
      alterGroup({}, ['consumer.heartbeat.interval.ms']),
      next(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'a member that is silent', {
    covers: ['9.20'],
    profile,
    versions: WITH_REGEX,
    topics: a,
    steps: [
      alterGroup({ 'consumer.heartbeat.interval.ms': '100', 'consumer.session.timeout.ms': '300' }),
      nextFully(),
      lookUntil(({ members }) => members.length === 0),
      next(),
      nextFully(),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'a static member that does not come again', {
    covers: ['9.8', '9.20'],
    profile,
    versions: WITH_REGEX,
    topics: a,
    steps: [
      alterGroup({ 'consumer.heartbeat.interval.ms': '100', 'consumer.session.timeout.ms': '300' }),
      nextFully({ instanceId }),
      next({ instanceId, memberEpoch: -2 }),
      lookUntil(({ members }) => members.length === 0),
      nextFully({ instanceId, memberId: '@n' }),
    ],
  }),
  scenario(ConsumerGroupHeartbeat, 'a member that does not give up its partitions', {
    covers: ['9.17', '9.20'],
    profile,
    versions: WITH_REGEX,
    topics: a,
    steps: [
      nextFully({ rebalanceTimeoutMs: 200 }),
      nextFully({ memberId: '@n' }),
      next(),
      lookUntil(({ members }) => members.length === 1),
      next(),
      next({ memberId: '@n', memberEpoch: 2 }),
    ],
  }),
]

export const CONSUMER_GROUP_HEARTBEAT: readonly Scenario[] = [
  ...[VALIDATION, ALONE, TOGETHER, STATIC, REGEX, TIMES, MIGRATIONS].flat(),
]

const describeAll = (groupIds: readonly string[], includeAuthorizedOperations = false): AskStep =>
  ask(ConsumerGroupDescribe, { groupIds: [...groupIds], includeAuthorizedOperations }, { on: 'look' })

export const CONSUMER_GROUP_DESCRIBE: readonly Scenario[] = [
  scenario(ConsumerGroupDescribe, 'groups that are not there', {
    covers: ['8.1', '9.22'],
    steps: [describeAll(['@missing']), describeAll(['']), describeAll([]), describeAll(['@one', '@two', '@one'], true)],
  }),
  scenario(ConsumerGroupDescribe, 'a group in each of its states', {
    covers: ['9.22'],
    profile,
    topics: a,
    steps: [
      nextFully({ rackId: 'rack' }, { clientId: 'client-7' }),
      describeAll(['@g']),
      nextFully({ memberId: '@n', instanceId, serverAssignor: 'range' }),
      describeAll(['@g']),
      next(),
      describeAll(['@g'], true),
      next({ memberEpoch: -1 }),
      describeAll(['@g']),
      next({ memberId: '@n', memberEpoch: -1 }),
      describeAll(['@g']),
    ],
  }),
  scenario(ConsumerGroupDescribe, 'classic groups are not told here', {
    covers: ['9.22'],
    profile,
    topics: a,
    steps: [
      ...settled(),
      commit({ groupId: '@offsets' }),
      describeAll(['@g', '@offsets']),
      leave(),
      describeAll(['@g']),
      ...enter(1),
      join({}, { version: 9 }),
    ],
  }),
  scenario(ConsumerGroupDescribe, 'where the protocol is not enabled', {
    covers: ['9.1'],
    profile: 'strict',
    steps: [describeAll(['@missing']), describeAll([''])],
  }),
]
