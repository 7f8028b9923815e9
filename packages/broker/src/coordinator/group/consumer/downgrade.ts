/**
 * The way back (KIP-848): when nobody speaks the new protocol any more, a group whose other members speak the classic
 * one becomes a classic group, at the generation of its epoch, and rebalances.
 */
import { type Step, step } from '../../machine.ts'
import { classicGroupOf } from '../classic/conversion.ts'
import { writeAssignment } from './consumer-protocol.ts'
import type { Member } from './member.ts'
import type { Scope } from './scope.ts'
import { allTimerKeys } from './timers.ts'
import { groupTombstones } from './tombstones.ts'

/** Null: the group stays what it is, with those who leave still in it. */
export function downgrade(scope: Scope, leaving: readonly Member[], nowMs: number): Step | null {
  if (!isDue(scope, leaving)) return null
  const { state, groupId, world } = scope
  const members = [...state.members.values()].filter((member) => !leaving.includes(member))
  const made = classicGroupOf(
    { groupId, world, generation: state.groupEpoch, members: members.map((member) => classicMember(scope, member)) },
    nowMs,
  )
  scope.expect(made.group)
  return step({
    records: [...groupTombstones(state), made.record],
    cancelled: [...state.members.keys()].flatMap((memberId) => allTimerKeys(groupId, memberId)),
    // Its rebalance begins once it is in the log.
    timers: [{ key: downgradeKey(groupId), afterMs: 0, fire: (startMs) => made.startRebalancing(startMs) }],
  })
}

function isDue({ state, settings }: Scope, leaving: readonly Member[]): boolean {
  const { consumerMigrationPolicy: policy, maxSize } = settings()
  const staying = state.members.size - leaving.length
  const stayingClassic = state.classicMemberCount - leaving.filter(({ classic }) => classic !== null).length
  const isAllowed = policy === 'bidirectional' || policy === 'downgrade'
  return isAllowed && staying > 0 && staying === stayingClassic && staying <= maxSize
}

/** When a member of the classic protocol has taken the place of the last one of the new protocol. */
export function downgradeSoon(scope: Scope): Step {
  const key = downgradeKey(scope.groupId)
  return step({ timers: [{ key, afterMs: 0, fire: (nowMs) => downgrade(scope, [], nowMs) ?? step() }] })
}

function downgradeKey(groupId: string): string {
  return JSON.stringify(['consumer', groupId, 'downgrade'])
}

/** It is told what it may read, not what it would have been given next. */
function classicMember({ world }: Scope, member: Member) {
  const { memberId, instanceId, clientId, clientHost, rebalanceTimeoutMs, classic, assigned } = member
  const { sessionTimeoutMs, supportedProtocols } = classic!
  const assignment = writeAssignment(assigned, supportedProtocols[0]!.metadata, world.image())
  return {
    ...{ memberId, groupInstanceId: instanceId, clientId, clientHost },
    ...{ rebalanceTimeoutMs, sessionTimeoutMs, protocols: supportedProtocols, assignment },
  }
}
