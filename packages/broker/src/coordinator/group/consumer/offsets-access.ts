/** Whether a member may commit and fetch offsets of its group: only in the epoch that it was told last. */
import type { ErrorName } from '@ottla/protocol/errors.ts'
import type { CommitRequest, FetchRequest } from '../group.ts'
import type { GroupState } from './group-state.ts'
import type { Member } from './member.ts'

/** The first version of OffsetCommit that knows of member epochs. */
const COMMIT_VERSION_WITH_EPOCH = 9

export function commitError({ members }: GroupState, request: CommitRequest): ErrorName | null {
  const { memberId, groupInstanceId, generationOrEpoch: epoch, isTransactional, apiVersion } = request
  // From outside of the group: an administrator, or a consumer of partitions that it chose itself.
  if (epoch < 0 && members.size === 0) return null
  if (isTransactional && epoch === -1 && memberId === '' && groupInstanceId === null) return null
  const member = members.get(memberId)
  if (member === undefined) return 'UNKNOWN_MEMBER_ID'
  const knowsEpochs = isTransactional || member.classic !== null || apiVersion >= COMMIT_VERSION_WITH_EPOCH
  if (!knowsEpochs) return 'UNSUPPORTED_VERSION'
  if (epoch === member.epoch) return null
  return isTransactional ? 'ILLEGAL_GENERATION' : staleness(member)
}

export function fetchError({ members }: GroupState, { memberId, memberEpoch }: FetchRequest): ErrorName | null {
  if (memberId === null && memberEpoch < 0) return null
  const member = members.get(memberId ?? '')
  if (member === undefined) return 'UNKNOWN_MEMBER_ID'
  return memberEpoch === member.epoch ? null : staleness(member)
}

function staleness({ classic }: Member): ErrorName {
  return classic === null ? 'STALE_MEMBER_EPOCH' : 'ILLEGAL_GENERATION'
}
