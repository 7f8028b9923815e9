/**
 * The requests of groups, in the form that a plain client sends: group `@g`, and member `#0`, the first that the broker
 * made an id for, unless told.
 */
import { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import { LeaveGroup } from '@ottla/protocol/apis/13-leave-group.ts'
import { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import { DescribeGroups } from '@ottla/protocol/apis/15-describe-groups.ts'
import { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import { IncrementalAlterConfigs } from '@ottla/protocol/apis/44-incremental-alter-configs.ts'
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import { ConsumerGroupDescribe } from '@ottla/protocol/apis/69-consumer-group-describe.ts'
import type { RequestInputOf } from '@ottla/protocol/codec.ts'
import { ConsumerProtocolSubscription } from '@ottla/protocol/embedded/consumer-protocol.ts'
import { encodeVersioned } from '@ottla/protocol/versioned.ts'
import { idOf } from './requests-of-clients.ts'
import { type AskStep, type At, ask, type StepOptions } from './scenario.ts'

/** What members send that live as long as a scenario. */
const LONG_MS = 30_000

export interface JoinText extends Partial<Omit<RequestInputOf<typeof JoinGroup>, 'protocols'>> {
  /** Each with what it says of its member; consumers say text within a subscription, as Kafka hangs without one. */
  readonly protocols?: readonly (readonly [name: string, metadata: string | ((at: At) => Buffer)])[]
}

export function join(text: JoinText = {}, options: StepOptions = {}): AskStep {
  const { protocols = [['range', 'metadata']], ...fields } = text
  const protocolType = fields.protocolType ?? 'consumer'
  const bytesOf = (metadata: string | ((at: At) => Buffer), at: At): Buffer => {
    if (typeof metadata !== 'string') return metadata(at)
    return protocolType === 'consumer' ? subscription({ topics: [], userData: metadata })(at) : Buffer.from(metadata)
  }
  const request = (at: At): RequestInputOf<typeof JoinGroup> => ({
    ...{ groupId: '@g', sessionTimeoutMs: LONG_MS, rebalanceTimeoutMs: LONG_MS, memberId: '' },
    ...fields,
    protocolType,
    protocols: protocols.map(([name, metadata]) => ({ name, metadata: bytesOf(metadata, at) })),
  })
  return ask(JoinGroup, request, options)
}

/** A dynamic member that has its id comes in; the newest form of the request. */
export function enter(index: number, text: JoinText = {}, options: StepOptions = {}): AskStep[] {
  const { on } = options
  const version = JoinGroup.versions[1]
  return [
    join(text, { ...(on === undefined ? {} : { on }), version }),
    join({ ...text, memberId: `#${index}` }, { ...options, version }),
  ]
}

export interface SyncText extends Partial<Omit<RequestInputOf<typeof SyncGroup>, 'assignments'>> {
  /** By member. */
  readonly assignments?: Readonly<Record<string, string>>
}

export function sync(text: SyncText = {}, options: StepOptions = {}): AskStep {
  const { assignments = {}, ...fields } = text
  // Keys of an object are no fields, so names in them are put in here.
  const request = (at: At): RequestInputOf<typeof SyncGroup> => ({
    ...{ groupId: '@g', generationId: 1, memberId: '#0', protocolType: 'consumer', protocolName: 'range' },
    assignments: Object.entries(assignments).map(([memberId, assignment]) => ({
      memberId: memberId.startsWith('#') ? at.member(Number(memberId.slice(1))) : memberId,
      assignment: Buffer.from(assignment),
    })),
    ...fields,
  })
  return ask(SyncGroup, request, options)
}

/** One member, alone in its group, in the first generation, has its assignment. */
export function settled(text: JoinText = {}): AskStep[] {
  const { groupId = '@g', protocolType = 'consumer', protocols } = text
  const protocolName = protocols?.[0]?.[0] ?? 'range'
  const version = SyncGroup.versions[1]
  return [
    ...enter(0, text),
    sync({ groupId, protocolType, protocolName, assignments: { '#0': 'assignment 0' } }, { version }),
  ]
}

export function beat(text: Partial<RequestInputOf<typeof Heartbeat>> = {}, options: StepOptions = {}): AskStep {
  return ask(Heartbeat, { groupId: '@g', generationId: 1, memberId: '#0', ...text }, options)
}

type Leaving = RequestInputOf<typeof LeaveGroup>['members'] & {}

/** Before version 3 the first of them leaves. */
export function leave(
  members: readonly Leaving[number][] = [{ memberId: '#0' }],
  text: { groupId?: string } = {},
  options: StepOptions = {},
): AskStep {
  const memberId = members[0]?.memberId ?? ''
  return ask(LeaveGroup, { groupId: '@g', ...text, memberId, members: [...members] }, options)
}

export type Committed = readonly [topic: string, partition: number, offset: number, metadata?: string | null]

export interface CommitText extends Partial<Omit<RequestInputOf<typeof OffsetCommit>, 'topics'>> {
  readonly offsets?: readonly Committed[]
  readonly leaderEpoch?: number
}

export function commit(text: CommitText = {}, options: StepOptions = {}): AskStep {
  const { offsets = [['@a', 0, 5, 'metadata']], leaderEpoch = -1, ...fields } = text
  const topics = [...Map.groupBy(offsets, ([topic]) => topic)].map(([topic, list]) => ({
    ...{ name: topic, topicId: idOf(topic) },
    partitions: list.map(([, partitionIndex, committedOffset, committedMetadata = '']) => ({
      ...{ partitionIndex, committedOffset, committedMetadata, committedLeaderEpoch: leaderEpoch },
    })),
  }))
  return ask(OffsetCommit, { groupId: '@g', memberId: '', topics, ...fields }, options)
}

export interface FetchOffsetsText {
  readonly groupId?: string
  readonly memberId?: string | null
  readonly memberEpoch?: number
  readonly requireStable?: boolean
  /** All that the group has, when null. */
  readonly partitions?: readonly (readonly [topic: string, partition: number])[] | null
}

/** Of one group, in the form of every version. */
export function fetchOffsets(text: FetchOffsetsText = {}, options: StepOptions = {}): AskStep {
  const { groupId = '@g', memberId = null, memberEpoch = -1, requireStable = false, partitions = null } = text
  const topics =
    partitions === null
      ? null
      : [...Map.groupBy(partitions, ([topic]) => topic)].map(([topic, list]) => ({
          ...{ name: topic, topicId: idOf(topic), partitionIndexes: list.map(([, partition]) => partition) },
        }))
  const groups = [{ groupId, memberId, memberEpoch, topics }]
  return ask(OffsetFetch, { groupId, topics, groups, requireStable }, options)
}

/** What a group has committed, in a form that names topics. */
export const committed = (groupId = '@g'): AskStep => fetchOffsets({ groupId }, { version: 9 })

export const described = (groupId = '@g', options: StepOptions = {}): AskStep =>
  ask(DescribeGroups, { groups: [groupId] }, { version: DescribeGroups.versions[1], ...options })

/** Asks until the group is in the state, and answers with the description. */
export const becomes = (groupState: string, options: StepOptions = {}): AskStep => {
  const until = (reply: { groups: { groupState: string }[] }): boolean => reply.groups[0]!.groupState === groupState
  return described('@g', { until: until as never, ...options })
}

export const list = (text: Partial<RequestInputOf<typeof ListGroups>> = {}): AskStep => ask(ListGroups, text)

export const listed = (): AskStep => ask(ListGroups, {}, { version: ListGroups.versions[1] })

export type BeatText = Partial<RequestInputOf<typeof ConsumerGroupHeartbeat>>

/** A heartbeat of the consumer protocol (KIP-848) that says nothing new, of member `@m`. */
export function next(text: BeatText = {}, options: StepOptions = {}): AskStep {
  return ask(ConsumerGroupHeartbeat, { groupId: '@g', memberId: '@m', memberEpoch: 1, ...text }, options)
}

/** With all that a member says of itself, as the first one does. */
export function nextFully(text: BeatText = {}, options: StepOptions = {}): AskStep {
  const first = { memberEpoch: 0, rebalanceTimeoutMs: LONG_MS, subscribedTopicNames: ['@a'], topicPartitions: [] }
  return next({ ...first, ...text }, options)
}

export const owns = (
  ...partitions: readonly number[]
): { topicPartitions: { topicId: string; partitions: number[] }[] } => ({
  topicPartitions: [{ topicId: '@a', partitions: [...partitions] }],
})

export const describedNext = (groupId = '@g', options: StepOptions = {}): AskStep =>
  ask(ConsumerGroupDescribe, { groupIds: [groupId], includeAuthorizedOperations: false }, options)

export interface SubscriptionText {
  readonly topics?: readonly string[]
  readonly userData?: string | null
  readonly owned?: readonly (readonly [topic: string, partitions: readonly number[]])[]
  readonly generationId?: number
  readonly version?: number
}

/** What no subscription is. */
export const NO_SUBSCRIPTION = (): Buffer => Buffer.from('x')

/** What members of classic groups of consumers say in JoinGroup. */
export function subscription(text: SubscriptionText = {}): (at: At) => Buffer {
  const { topics = ['a'], userData = null, owned = [], generationId = -1, version = 3 } = text
  return (at) =>
    encodeVersioned(ConsumerProtocolSubscription, version, {
      topics: topics.map((name) => at.topic(name)),
      ...{ userData: userData === null ? null : Buffer.from(userData), generationId, rackId: null },
      ownedPartitions: owned.map(([topic, partitions]) => ({ topic: at.topic(topic), partitions: [...partitions] })),
    })
}

const GROUP = 32
const [SET, DELETE] = [0, 1]

/** Changes settings of `@g` itself. */
export function alterGroup(set: Readonly<Record<string, string>>, unset: readonly string[] = []): AskStep {
  const configs = [
    ...Object.entries(set).map(([name, value]) => ({ name, value, configOperation: SET })),
    ...unset.map((name) => ({ name, value: null, configOperation: DELETE })),
  ]
  const resources = [{ resourceType: GROUP, resourceName: '@g', configs }]
  return ask(IncrementalAlterConfigs, { resources, validateOnly: false })
}
