/**
 * Owns operations on consumer groups: list, describe, delete, their offsets, their members. Each group is asked of its
 * own coordinator; both kinds of groups, classic and KIP-848's, are shown in one form.
 */
import { LeaveGroup } from '@ottla/protocol/apis/13-leave-group.ts'
import { DescribeGroups } from '@ottla/protocol/apis/15-describe-groups.ts'
import { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import { DeleteGroups } from '@ottla/protocol/apis/42-delete-groups.ts'
import { OffsetDelete } from '@ottla/protocol/apis/47-offset-delete.ts'
import { ConsumerGroupDescribe } from '@ottla/protocol/apis/69-consumer-group-describe.ts'
import type { ResponseOf } from '@ottla/protocol/codec.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../client.ts'
import { decodeAssignment } from '../consumer/group/consumer-protocol.ts'
import { Coordinator } from '../consumer/group/coordinator.ts'
import { byTopic, type GroupPartition, groupError, partitionKey } from '../consumer/group/membership.ts'
import { type CommittedOffset, commitOnce, fetchOnce, type NewOffset } from '../consumer/group/offsets.ts'
import { UnsupportedVersionError } from '../errors.ts'
import { listOffsets } from '../offsets.ts'
import { isRetriable, withRetries } from '../retry.ts'
import { ADMIN_TIMEOUT_MS, type AdminOptions, abortOf, ask, errorOf, type Outcome } from './call.ts'

export interface GroupListing {
  readonly groupId: string
  /** Empty for a group that has offsets and never had members. */
  readonly protocolType: string
  /** Empty where the broker does not tell, as before version 4. */
  readonly state: string
  /** `classic`, `consumer`, …; empty where the broker does not tell. */
  readonly type: string
}

export interface GroupMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly host: string
  readonly assignment: readonly GroupPartition[]
}

export interface GroupDescription {
  readonly groupId: string
  readonly error: ProtocolError | null
  /** `Dead` for one that does not exist. */
  readonly state: string
  readonly type: 'classic' | 'consumer'
  readonly assignor: string
  /** The group epoch of KIP-848; −1 for classic groups, which do not tell. */
  readonly epoch: number
  readonly members: readonly GroupMember[]
}

export interface GroupOffset extends CommittedOffset {
  /** Of the partition; −1 where it is gone or has no leader. */
  readonly endOffset: number
  /** Records between the two; −1 where the end is unknown. */
  readonly lag: number
}

export interface PartitionOutcome extends GroupPartition {
  readonly error: ProtocolError | null
}

/** Names members rather than one. */
const LEAVE_VERSION_MIN = 3

/** Of all brokers. Without filters all groups; filters need brokers that know them (2.6 for states, 3.8 for types). */
export async function listGroups(
  client: Client,
  options: AdminOptions & { states?: readonly string[]; types?: readonly string[] } = {},
): Promise<GroupListing[]> {
  const { states = [], types = [] } = options
  await client.metadata.refresh(abortOf(options))
  const nodeIds = [...client.connections.brokers.keys()]
  const request = { statesFilter: states, typesFilter: types }
  const answers = await Promise.all(
    nodeIds.map(async (nodeId) => await ask(client, { api: ListGroups, request, reads: true, nodeId }, options)),
  )
  for (const { errorCode } of answers) {
    const error = errorOf('list groups', errorCode)
    if (error !== null) throw error
  }
  return answers
    .flatMap(({ groups }) => groups)
    .map((row) => ({
      groupId: row.groupId,
      protocolType: row.protocolType,
      state: row.groupState,
      type: row.groupType,
    }))
    .sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
}

/** In the order of the ids; one that does not exist has the error GROUP_ID_NOT_FOUND. */
export async function describeGroups(
  client: Client,
  groupIds: readonly string[],
  options: AdminOptions = {},
): Promise<GroupDescription[]> {
  return await Promise.all(
    groupIds.map(async (groupId) => {
      const coordinator = new Coordinator(client, groupId)
      return (await describeConsumer(coordinator, options)) ?? (await describeClassic(coordinator, options))
    }),
  )
}

export async function deleteGroups(
  client: Client,
  groupIds: readonly string[],
  options: AdminOptions = {},
): Promise<Outcome[]> {
  return await Promise.all(
    groupIds.map(async (groupId) => {
      const answer = await new Coordinator(client, groupId).ask({
        api: DeleteGroups,
        request: { groupsNames: [groupId] },
        codes: ({ results }) => results.map(({ errorCode }) => errorCode),
        ...bounds(options),
      })
      return { name: groupId, error: errorOf(`delete group "${groupId}"`, answer.results[0]?.errorCode ?? -1) }
    }),
  )
}

/** All committed offsets of a group by topic and partition, with how far they are from the ends. */
export async function listGroupOffsets(
  client: Client,
  groupId: string,
  options: AdminOptions = {},
): Promise<GroupOffset[]> {
  const coordinator = new Coordinator(client, groupId)
  const committed = await retried(client, options, () =>
    fetchOnce(coordinator, { partitions: null, identity: null, ...abortOf(options) }),
  )
  const ends = await endOffsets(client, committed, options)
  return committed
    .map((row) => {
      const endOffset = ends.get(partitionKey(row)) ?? -1
      return { ...row, endOffset, lag: endOffset < 0 ? -1 : Math.max(0, endOffset - row.offset) }
    })
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
}

/** Ends of partitions that can be asked for; what is gone or has no leader is left out. */
export async function endOffsets(
  client: Client,
  partitions: readonly GroupPartition[],
  options: AdminOptions = {},
): Promise<Map<string, number>> {
  const names = [...new Set(partitions.map(({ topic }) => topic))]
  for (const name of names) {
    const find = client.metadata.find(name, { timeoutMs: 0, autoCreate: false, ...abortOf(options) })
    await find.catch((error: unknown) => {
      if (!(error instanceof ProtocolError)) throw error
    })
  }
  const led = partitions.filter(({ topic, partition }) => client.metadata.leader(topic, partition) !== undefined)
  const queries = led.map(({ topic, partition }) => ({ topic, partition, at: 'end' as const }))
  const found = await listOffsets(client, queries, options)
  return new Map(found.map((row) => [partitionKey(row), row.offset]))
}

/** Of a group without members; one that does not exist is made. */
export async function alterGroupOffsets(
  client: Client,
  groupId: string,
  { offsets, ...options }: AdminOptions & { offsets: readonly NewOffset[] },
): Promise<PartitionOutcome[]> {
  const coordinator = new Coordinator(client, groupId)
  const outcomes = await retried(client, options, () =>
    commitOnce(coordinator, { offsets, identity: null, ...abortOf(options) }),
  )
  return outcomes.map(({ topic, partition, error }) => {
    const what = `set the offset of "${topic}-${partition}" in group "${groupId}"`
    if (error === 'NONE') return { topic, partition, error: null }
    const hasMembers = error === 'UNKNOWN_MEMBER_ID'
    return { topic, partition, error: groupError(what, error, hasMembers ? 'the group has members: stop them' : null) }
  })
}

/** Of topics that no member is subscribed to. */
export async function deleteGroupOffsets(
  client: Client,
  groupId: string,
  { partitions, ...options }: AdminOptions & { partitions: readonly GroupPartition[] },
): Promise<PartitionOutcome[]> {
  const topics = byTopic(partitions).map((row) => ({
    name: row.topic,
    partitions: row.partitions.map((partitionIndex) => ({ partitionIndex })),
  }))
  const answer = await new Coordinator(client, groupId).ask({
    api: OffsetDelete,
    request: { groupId, topics },
    codes: ({ errorCode }) => [errorCode],
    ...bounds(options),
  })
  const refused = errorOf(`delete offsets of group "${groupId}"`, answer.errorCode)
  if (refused !== null) throw refused
  return answer.topics.flatMap(({ name: topic, partitions: rows }) =>
    rows.map(({ partitionIndex: partition, errorCode }) => {
      const what = `delete the offset of "${topic}-${partition}" in group "${groupId}"`
      return { topic, partition, error: errorOf(what, errorCode) }
    }),
  )
}

/** Throws members out, by id or, for static ones, by instance id. One outcome each, in the order of the answer. */
export async function removeMembers(
  client: Client,
  groupId: string,
  { members, ...options }: AdminOptions & { members: readonly ({ memberId: string } | { groupInstanceId: string })[] },
): Promise<Outcome[]> {
  const answer = await new Coordinator(client, groupId).ask({
    api: LeaveGroup,
    request: {
      groupId,
      members: members.map((member) => ({
        memberId: '',
        groupInstanceId: null,
        ...member,
        reason: 'removed by an admin',
      })),
    },
    codes: ({ errorCode }) => [errorCode],
    versionMin: LEAVE_VERSION_MIN,
    ...bounds(options),
  })
  const refused = errorOf(`remove members of group "${groupId}"`, answer.errorCode)
  if (refused !== null) throw refused
  return answer.members.map(({ memberId, groupInstanceId, errorCode }) => {
    const name = groupInstanceId ?? memberId
    return { name, error: errorOf(`remove member "${name}" of group "${groupId}"`, errorCode) }
  })
}

/** Null where it is no group of this kind, or the broker knows none of them. */
async function describeConsumer(coordinator: Coordinator, options: AdminOptions): Promise<GroupDescription | null> {
  const { groupId } = coordinator
  let row: ResponseOf<typeof ConsumerGroupDescribe>['groups'][number] | undefined
  try {
    const answer = await coordinator.ask({
      api: ConsumerGroupDescribe,
      request: { groupIds: [groupId], includeAuthorizedOperations: false },
      codes: ({ groups }) => groups.map(({ errorCode }) => errorCode),
      ...bounds(options),
    })
    row = answer.groups[0]
  } catch (error) {
    if (!(error instanceof UnsupportedVersionError)) throw error
  }
  const isOther = row === undefined || ['GROUP_ID_NOT_FOUND', 'UNSUPPORTED_VERSION'].includes(errorName(row.errorCode))
  if (row === undefined || isOther) return null
  return {
    groupId,
    error: errorOf(`describe group "${groupId}"`, row.errorCode, row.errorMessage),
    state: row.groupState,
    type: 'consumer',
    assignor: row.assignorName,
    epoch: row.groupEpoch,
    members: row.members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      host: member.clientHost,
      assignment: member.assignment.topicPartitions.flatMap(({ topicName: topic, partitions }) =>
        partitions.map((partition) => ({ topic, partition })),
      ),
    })),
  }
}

async function describeClassic(coordinator: Coordinator, options: AdminOptions): Promise<GroupDescription> {
  const { groupId } = coordinator
  const answer = await coordinator.ask({
    api: DescribeGroups,
    request: { groups: [groupId] },
    codes: ({ groups }) => groups.map(({ errorCode }) => errorCode),
    ...bounds(options),
  })
  const row = answer.groups[0]
  const error = errorOf(`describe group "${groupId}"`, row?.errorCode ?? -1, row?.errorMessage ?? null)
  const isDead = row === undefined || row.groupState === 'Dead'
  const notFound = new ProtocolError('GROUP_ID_NOT_FOUND', `Group "${groupId}" does not exist`)
  return {
    groupId,
    error: isDead && (error === null || error.error === 'GROUP_ID_NOT_FOUND') ? notFound : error,
    state: row?.groupState ?? 'Dead',
    type: 'classic',
    assignor: row?.protocolData ?? '',
    epoch: -1,
    members: (row?.members ?? []).map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      host: member.clientHost,
      // Other protocol types put into it what they like.
      assignment: row?.protocolType === 'consumer' ? decodeAssignment(member.memberAssignment) : [],
    })),
  }
}

async function retried<T>(client: Client, options: AdminOptions, attempt: () => Promise<T>): Promise<T> {
  const { timeoutMs = ADMIN_TIMEOUT_MS } = options
  const { backoff, ports } = client
  return await withRetries(attempt, { backoff, ports, timeoutMs, canRetry: isRetriable, ...abortOf(options) })
}

function bounds(options: AdminOptions): { retryForMs: number; signal?: AbortSignal } {
  return { retryForMs: options.timeoutMs ?? ADMIN_TIMEOUT_MS, ...abortOf(options) }
}
