/**
 * What the events of a consumer group work on: the group's state, the world around it, and the little that is not in the
 * log and may be lost with this coordinator.
 */
import type { Step, TimerStart } from '../../machine.ts'
import type { ClassicGroup } from '../classic/classic-group.ts'
import type { GroupSettings, GroupWorld } from '../world.ts'
import type { GroupState } from './group-state.ts'
import type { Member } from './member.ts'
import { type TimerPurpose, timerKey } from './timers.ts'
import type { TopicWatch } from './topic-watch.ts'

export interface SoftState {
  /** A subscribed topic has changed since the last epoch, or may have: the next heartbeat looks. */
  areTopicsStale: boolean
  isResolving: boolean
  /** Members of the classic protocol that were told to join again and have not yet. */
  readonly joinsAwaited: Set<string>
}

export interface Expiry {
  readonly memberId: string
  readonly purpose: TimerPurpose
  /** The member's, when the time began. */
  readonly epoch: number
}

export interface Scope {
  readonly groupId: string
  readonly state: GroupState
  readonly world: GroupWorld
  readonly watch: TopicWatch
  readonly soft: SoftState
  readonly settings: () => GroupSettings
  /** The member has not done in time what it had to. */
  readonly expired: (expiry: Expiry, nowMs: number) => Step
  /** From the records of the step that is being made on, this group has the place of the scope's. */
  readonly expect: (successor: ClassicGroup) => void
}

export function memberTimer(
  { groupId, expired }: Scope,
  { memberId, epoch }: Pick<Member, 'memberId' | 'epoch'>,
  { purpose, afterMs }: { purpose: TimerPurpose; afterMs: number },
): TimerStart {
  const key = timerKey(groupId, memberId, purpose)
  return { key, afterMs, fire: (nowMs) => expired({ memberId, purpose, epoch }, nowMs) }
}

export function sessionTimer(scope: Scope, member: Member): TimerStart {
  const afterMs = member.classic?.sessionTimeoutMs ?? scope.settings().consumerSessionTimeoutMs
  return memberTimer(scope, member, { purpose: 'session', afterMs })
}

/** For as long as the member owes a revocation. */
export function rebalanceTimer(scope: Scope, member: Member): TimerStart {
  return memberTimer(scope, member, { purpose: 'rebalance', afterMs: member.rebalanceTimeoutMs })
}
