/**
 * Owns the two requests for a group's committed offsets, OffsetCommit and OffsetFetch, in the versions that name topics.
 * One attempt each, or with retries by the coordinator; what an error means for the member is the caller's.
 */
import { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import type { ResponseOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorName } from '@ottla/protocol/errors.ts'
import type { Coordinator } from './coordinator.ts'
import { byTopic, type GroupPartition, groupError, type MemberIdentity } from './membership.ts'

export interface CommittedOffset extends GroupPartition {
  /** The first record that the group has not done with. */
  readonly offset: number
  /** −1 when unknown. */
  readonly leaderEpoch: number
  readonly metadata: string
}

export interface NewOffset extends GroupPartition {
  readonly offset: number
  readonly leaderEpoch?: number
  readonly metadata?: string
}

export interface OffsetOutcome extends GroupPartition {
  readonly error: ErrorName
}

/** From version 10 on topics are named by id, which adds nothing here: a topic made anew has no offsets. */
const BY_NAME_VERSION_MAX = 9
/** Many groups in one request, from this version on. */
const GROUPS_VERSION_MIN = 8
/** Whether a transaction still holds an offset back can be asked from this version on. */
const STABLE_VERSION_MIN = 7

type Attempt = { readonly timeoutMs?: number; readonly signal?: AbortSignal }

/** One attempt, answered partition by partition. Without an identity it is an admin's, of a group without members. */
export async function commitOnce(
  coordinator: Coordinator,
  call: { offsets: readonly NewOffset[]; identity: MemberIdentity | null } & Attempt,
): Promise<OffsetOutcome[]> {
  const { offsets, identity, ...attempt } = call
  const topics = byTopic(offsets).map(({ topic: name }) => ({
    name,
    partitions: offsets
      .filter(({ topic }) => topic === name)
      .map(({ partition: partitionIndex, offset: committedOffset, leaderEpoch = -1, metadata = '' }) => ({
        partitionIndex,
        committedOffset,
        committedLeaderEpoch: leaderEpoch,
        committedMetadata: metadata,
      })),
  }))
  const answer = await coordinator.once({
    api: OffsetCommit,
    request: {
      groupId: coordinator.groupId,
      generationIdOrMemberEpoch: identity?.epoch ?? -1,
      memberId: identity?.memberId ?? '',
      groupInstanceId: identity?.groupInstanceId ?? null,
      topics,
    },
    codes: ({ topics: rows }) => rows.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode)),
    versionMax: BY_NAME_VERSION_MAX,
    ...attempt,
  })
  return answer.topics.flatMap(({ name: topic, partitions }) =>
    partitions.map(({ partitionIndex: partition, errorCode }) => ({ topic, partition, error: errorName(errorCode) })),
  )
}

/**
 * One attempt; partitions without a committed offset are left out. `partitions` null for all that the group has.
 * Rejects with ProtocolError, UNSTABLE_OFFSET_COMMIT (which passes) among them.
 */
export async function fetchOnce(
  coordinator: Coordinator,
  call: { partitions: readonly GroupPartition[] | null; identity: MemberIdentity | null } & Attempt,
): Promise<CommittedOffset[]> {
  const { partitions, identity, ...attempt } = call
  const { groupId } = coordinator
  const topics =
    partitions === null
      ? null
      : byTopic(partitions).map((row) => ({ name: row.topic, partitionIndexes: row.partitions }))
  const member = { memberId: identity?.memberId ?? null, memberEpoch: identity?.epoch ?? -1 }
  const answer = await coordinator.once({
    api: OffsetFetch,
    request: (version) => ({
      ...(version < GROUPS_VERSION_MIN
        ? { groupId, topics }
        : { groups: [{ groupId, ...member, topics }], topics: [] }),
      requireStable: version >= STABLE_VERSION_MIN,
    }),
    codes: codesOf,
    versionMax: BY_NAME_VERSION_MAX,
    ...attempt,
  })
  const failed = codesOf(answer)
    .map(errorName)
    .find((error) => error !== 'NONE')
  if (failed !== undefined) throw groupError(`read offsets of group "${groupId}"`, failed)
  return (answer.groups[0]?.topics ?? answer.topics).flatMap(({ name: topic, partitions: rows }) =>
    rows
      .filter(({ committedOffset }) => committedOffset >= 0)
      .map(({ partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata }) => {
        return { topic, partition, offset, leaderEpoch, metadata: metadata ?? '' }
      }),
  )
}

function codesOf(answer: ResponseOf<typeof OffsetFetch>): number[] {
  const topics = answer.groups[0]?.topics ?? answer.topics
  const codes = topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
  return [answer.errorCode, answer.groups[0]?.errorCode ?? 0, ...codes]
}
