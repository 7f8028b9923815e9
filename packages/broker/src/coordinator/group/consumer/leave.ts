/** Members that go: by a heartbeat with epoch -1 or -2, by LeaveGroup, or because their time is over. */
import { errorCode } from '@ottla/protocol/errors.ts'
import { answer, type Step, step } from '../../machine.ts'
import { NO_PARTITIONS } from '../assignors/topic-partitions.ts'
import { downgrade } from './downgrade.ts'
import { GroupDraft } from './draft.ts'
import { dropUnusedRegexes } from './epochs.ts'
import { type HeartbeatEvent, type HeartbeatReply, knownMember, knownStaticMember } from './heartbeat.ts'
import { type Member, STATIC_LEAVE_EPOCH } from './member.ts'
import { metadataHashOf } from './metadata-hash.ts'
import type { Scope } from './scope.ts'
import { allTimerKeys } from './timers.ts'

/** Throws ProtocolError. */
export function leaveByHeartbeat(scope: Scope, { request, ticket }: HeartbeatEvent, nowMs: number): Step {
  const { memberId, memberEpoch, instanceId } = request
  const member = instanceId === null ? knownMember(scope, memberId) : knownStaticMember(scope, instanceId, memberId)
  const gone = memberEpoch === STATIC_LEAVE_EPOCH ? leaveForNow(scope, member) : removeMembers(scope, [member], nowMs)
  const reply: HeartbeatReply = { errorCode: errorCode('NONE'), memberId, memberEpoch, heartbeatIntervalMs: 0 }
  return { ...gone, answers: [...gone.answers, answer(ticket, reply)] }
}

/** Its assignment waits for it until its session, which goes on, is over. */
function leaveForNow({ state }: Scope, member: Member): Step {
  const draft = new GroupDraft(state)
  draft.putAssignment({ ...member, epoch: STATIC_LEAVE_EPOCH, revoking: NO_PARTITIONS })
  return step({ records: draft.records })
}

/** One epoch for all of them. With the last member of the new protocol the group goes back to the classic one. */
export function removeMembers(scope: Scope, members: readonly Member[], nowMs: number): Step {
  for (const { memberId } of members) scope.soft.joinsAwaited.delete(memberId)
  const downgraded = downgrade(scope, members, nowMs)
  if (downgraded !== null) return downgraded
  const draft = new GroupDraft(scope.state)
  for (const member of members) draft.remove(member)
  const regexes = members.map(({ subscription }) => subscription.regex)
  dropUnusedRegexes(
    draft,
    regexes.filter((regex) => regex !== ''),
  )
  draft.bumpGroupEpoch(metadataHashOf(draft.topicNames(), scope.world.image()))
  const cancelled = members.flatMap(({ memberId }) => allTimerKeys(scope.groupId, memberId))
  return step({ records: draft.records, cancelled })
}
