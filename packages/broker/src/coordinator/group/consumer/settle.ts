/**
 * What a heartbeat, or a join of the classic protocol, makes of a member and its group: the member's metadata is
 * written, the group's epoch moves if that or the topics have changed, the target follows the epoch, and the member
 * goes one step towards the target. All in one draft, so that one heartbeat is enough.
 */

import type { BackgroundWork, TimerStart } from '../../machine.ts'
import type { TopicPartitions } from '../assignors/topic-partitions.ts'
import type { Caller } from '../world.ts'
import type { GroupDraft } from './draft.ts'
import { bumpIfChanged, dropUnusedRegexes } from './epochs.ts'
import { areSameNames, isSameAssignment, isSameMetadata, type Member } from './member.ts'
import { reconcile } from './reconcile.ts'
import { checkRegex } from './regex.ts'
import { refreshRegexes } from './regex-refresh.ts'
import { rebalanceTimer, type Scope } from './scope.ts'
import { isSubscribed, updateTarget } from './target.ts'
import { timerKey } from './timers.ts'

export interface MemberUpdate {
  readonly before: Member
  /** With the metadata of the request, and still the assignment of before. */
  readonly updated: Member
  /** What it says that it owns; null when it does not say. */
  readonly owned: TopicPartitions | null
  readonly caller: Caller
}

export interface Settled {
  readonly member: Member
  readonly timers: readonly TimerStart[]
  readonly cancelled: readonly string[]
  readonly work: readonly BackgroundWork[]
}

export function settle(scope: Scope, draft: GroupDraft, update: MemberUpdate, nowMs: number): Settled {
  const haveNamesChanged = writeMetadata(draft, update)
  const regex = updateRegex(scope, draft, update)
  // A group that is new must leave epoch 0 behind. What an unresolved expression changes is told by its resolution.
  const isNew = draft.groupEpoch === 0
  bumpIfChanged(scope, draft, isNew || haveNamesChanged || regex === 'resolved')
  if (draft.groupEpoch > draft.assignmentEpoch) {
    updateTarget(draft, scope.world.image(), scope.settings().consumerAssignors)
  }
  const member = reconcileMember(scope, draft, update, haveNamesChanged || regex !== 'same')
  const work = refreshRegexes(scope, draft, update.caller, nowMs)
  return { member, work, ...rebalanceDeadline(scope, update.updated, member) }
}

/** Whether the names of topics are other ones. */
function writeMetadata(draft: GroupDraft, { before, updated }: MemberUpdate): boolean {
  if (isSameMetadata(before, updated)) return false
  draft.putMetadata(updated)
  return !areSameNames(before.subscription.names, updated.subscription.names)
}

/** `resolved`: from now on other topics are subscribed to. `changed`: which ones is not known yet. */
function updateRegex(
  { state }: Scope,
  draft: GroupDraft,
  { before, updated }: MemberUpdate,
): 'same' | 'changed' | 'resolved' {
  const { regex } = updated.subscription
  if (regex === before.subscription.regex) return 'same'
  if (regex !== '' && state.regexes.count(regex) === 0) checkRegex(regex)
  dropUnusedRegexes(draft, before.subscription.regex === '' ? [] : [before.subscription.regex])
  if (regex === '') return 'resolved'
  return state.regexes.count(regex) > 0 && draft.resolved(regex) !== undefined ? 'resolved' : 'changed'
}

function reconcileMember(
  scope: Scope,
  draft: GroupDraft,
  update: MemberUpdate,
  hasSubscriptionChanged: boolean,
): Member {
  const { updated, owned } = update
  const image = scope.world.image()
  const target = {
    epoch: draft.assignmentEpoch,
    assigned: draft.targetOf(updated.memberId),
    isSubscribed: (topicId: string) => isSubscribed({ draft, image }, updated.subscription, topicId),
    isFree: (topicId: string, partition: number) => draft.isFree(updated.memberId, topicId, partition),
  }
  const member = reconcile(updated, target, { owned, hasSubscriptionChanged })
  if (isSameAssignment(member, updated)) return updated
  draft.putAssignment(member)
  return member
}

/** Each move to a revocation starts the time for it anew. Members of the classic protocol have deadlines of their own. */
function rebalanceDeadline(
  scope: Scope,
  before: Member,
  member: Member,
): { readonly timers: readonly TimerStart[]; readonly cancelled: readonly string[] } {
  if (member === before || member.classic !== null) return { timers: [], cancelled: [] }
  if (member.state === 'unrevoked') return { timers: [rebalanceTimer(scope, member)], cancelled: [] }
  return { timers: [], cancelled: [timerKey(scope.groupId, member.memberId, 'rebalance')] }
}
