/** OffsetCommit, OffsetFetch and OffsetDelete to one shard: who may, then what `offsets.ts` makes of it. */
import type { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import type { OffsetDelete } from '@ottla/protocol/apis/47-offset-delete.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import { type Uuid, ZERO_UUID } from '../../metadata/image.ts'
import { answer, type CoordinatorRecord, type Step, step, type Ticket } from '../machine.ts'
import type { CommitCheck, CommitRequest, Group } from './group.ts'
import { type CommitReply, type FetchedTopics, type FetchTopics, type GroupOffsets, isSubscribed } from './offsets.ts'
import type { Caller, GroupWorld } from './world.ts'

export interface FetchGroupRequest {
  readonly groupId: string
  readonly memberId: string | null
  readonly memberEpoch: number
  /** Null: all that the group has. */
  readonly topics: FetchTopics | null
  readonly requireStable: boolean
}

export interface FetchGroupReply {
  readonly groupId: string
  readonly topics: FetchedTopics
  readonly errorCode: number
}

export type DeleteReply = ResponseInputOf<typeof OffsetDelete>

interface OffsetOwner {
  readonly groups: ReadonlyMap<string, Group>
  readonly offsets: GroupOffsets
  readonly world: GroupWorld
}

interface CommitEvent {
  /** Every topic with its name, also where the client has sent ids. */
  readonly request: RequestOf<typeof OffsetCommit>
  readonly caller: Caller
  readonly ticket: Ticket<CommitReply>
}

/** From this version on a group that is not there is told as such, in both protocols. */
const GROUP_ID_NOT_FOUND_FROM = 9

export function commitOffsets(owner: OffsetOwner, { request, caller, ticket }: CommitEvent, nowMs: number): Step {
  const { groupId, topics, retentionTimeMs } = request
  const { error, timers } = checkCommit(owner.groups.get(groupId), commitRequest(request, caller), nowMs)
  if (error !== null) return step({ answers: [answer(ticket, refusedCommit(request, error))] })
  const metadataLengthMax = owner.world.settings(groupId).offsetMetadataBytesMax
  const { records, reply } = owner.offsets.commit({ groupId, topics, retentionTimeMs, metadataLengthMax }, nowMs)
  return step({ records, timers, answers: [answer(ticket, reply)] })
}

/** The same error for all partitions. */
export function refusedCommit({ topics }: RequestOf<typeof OffsetCommit>, error: ErrorName): CommitReply {
  return {
    topics: topics.map(({ name, topicId, partitions }) => ({
      ...{ name, topicId },
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: errorCode(error) })),
    })),
  }
}

function commitRequest(request: RequestOf<typeof OffsetCommit>, { apiVersion }: Caller): CommitRequest {
  const { memberId, groupInstanceId, generationIdOrMemberEpoch: generationOrEpoch } = request
  return { memberId, groupInstanceId, generationOrEpoch, apiVersion, isTransactional: false }
}

/** Who claims no generation may commit for a group that is not there: the commit makes it. */
function checkCommit(group: Group | undefined, request: CommitRequest, nowMs: number): CommitCheck {
  if (group !== undefined) return group.checkCommit(request, nowMs)
  if (request.generationOrEpoch < 0) return { error: null, timers: [] }
  const error = request.apiVersion >= GROUP_ID_NOT_FOUND_FROM ? 'GROUP_ID_NOT_FOUND' : 'ILLEGAL_GENERATION'
  return { error, timers: [] }
}

/** A group that is not there has no offsets, which is no error. */
export function fetchOffsets({ groups, offsets, world }: OffsetOwner, request: FetchGroupRequest): FetchGroupReply {
  const { groupId, topics, requireStable } = request
  const error = groups.get(groupId)?.checkFetch(request) ?? null
  if (error !== null && error !== 'GROUP_ID_NOT_FOUND') return { groupId, topics: [], errorCode: errorCode(error) }
  const { topicsByName } = world.image()
  const topicIdOf = (name: string): Uuid => topicsByName.get(name)?.id ?? ZERO_UUID
  const fetched =
    topics === null
      ? offsets.fetchAll(groupId, topicIdOf, requireStable)
      : offsets.fetch(groupId, topics, requireStable)
  return { groupId, topics: fetched, errorCode: errorCode('NONE') }
}

export function deleteOffsets(
  { groups, offsets }: OffsetOwner,
  { groupId, topics }: RequestOf<typeof OffsetDelete>,
  ticket: Ticket<DeleteReply>,
): Step {
  const group = groups.get(groupId)
  const error = deletionError(group)
  if (group === undefined || error !== null) {
    return step({ answers: [answer(ticket, { errorCode: errorCode(error ?? 'GROUP_ID_NOT_FOUND'), topics: [] })] })
  }
  const records: CoordinatorRecord[] = []
  const replies = topics.map(({ name, partitions }) => {
    const isKept = isSubscribed(group, name)
    for (const { partitionIndex } of isKept ? [] : partitions) {
      records.push(...offsets.tombstone(groupId, name, partitionIndex))
    }
    const code = errorCode(isKept ? 'GROUP_SUBSCRIBED_TO_TOPIC' : 'NONE')
    return { name, partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code })) }
  })
  return step({ records, answers: [answer(ticket, { errorCode: errorCode('NONE'), topics: replies })] })
}

/** Of members that are no consumers nobody knows what they read. */
function deletionError(group: Group | undefined): ErrorName | null {
  if (group === undefined || group.state() === 'Dead') return 'GROUP_ID_NOT_FOUND'
  return group.isEmpty() || group.protocolType === 'consumer' ? null : 'NON_EMPTY_GROUP'
}
