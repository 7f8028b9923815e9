/**
 * A classic group on its way to the protocol of KIP-848 and back: what it tells of itself, and how one is made of the
 * members of a consumer group. Whether and when to convert is decided elsewhere.
 */
import { assert } from '@ottla/base/assert.ts'
import { answer, type CoordinatorRecord, type Step, step } from '../../machine.ts'
import type { GroupWorld } from '../world.ts'
import { ClassicGroup } from './classic-group.ts'
import { groupMetadataRecord } from './group-metadata.ts'
import { type MemberIdentity, type MemberProtocol, metadataFor, NO_BYTES, newMember } from './member.ts'
import { selectProtocol } from './protocol-selection.ts'
import { beginJoinPhase } from './rebalance.ts'
import { joinRefusal, syncRefusal } from './replies.ts'
import { CONSUMER_PROTOCOL_TYPE, subscribedTopicsOf } from './subscriptions.ts'
import { startSession, timerKeys } from './timers.ts'
import { takeTurn } from './turn.ts'

export interface ConvertibleMember extends MemberIdentity {
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** In the member's order of preference. After a fail-over only the one in use is known. */
  readonly protocols: readonly MemberProtocol[]
  /** For the protocol of the generation; before the first one, or when it is given up, for the member's first choice. */
  readonly subscription: Buffer
  /** Empty when the member was assigned nothing yet. */
  readonly assignment: Buffer
}

export function convertibleMembers(group: ClassicGroup): ConvertibleMember[] {
  const { members, protocol } = ClassicGroup.stateOf(group)
  return Array.from(members.all(), (member) => {
    const { memberId, groupInstanceId, clientId, clientHost, terms, assignment } = member
    const subscription = metadataFor(member, protocol) ?? terms.protocols[0]?.metadata ?? NO_BYTES
    return { memberId, groupInstanceId, clientId, clientHost, ...terms, subscription, assignment }
  })
}

/**
 * To be done beside the records that replace the group: its timers end, and whoever waits is to join again. Changes
 * nothing here, so that the group goes on as it was when those records are refused; otherwise it is thrown away.
 */
export function whenReplaced(group: ClassicGroup): Step {
  const state = ClassicGroup.stateOf(group)
  const answers = [...state.members.all()].flatMap(({ memberId, waitingJoin, waitingSync }) => {
    const join =
      waitingJoin && answer(waitingJoin.ticket, joinRefusal(waitingJoin.apiVersion, 'REBALANCE_IN_PROGRESS', memberId))
    const sync = waitingSync && answer(waitingSync, syncRefusal('REBALANCE_IN_PROGRESS'))
    return [join, sync].filter((each) => each !== null)
  })
  return step({ answers, cancelled: timerKeys(state) })
}

export interface ClassicGroupParts {
  readonly groupId: string
  readonly world: GroupWorld
  readonly generation: number
  /** At least one, with a protocol that all support; the first will lead. */
  readonly members: readonly Omit<ConvertibleMember, 'subscription'>[]
}

export interface MadeClassicGroup {
  readonly group: ClassicGroup
  /** Tells all of the group. Once it is in the log it is applied to the group, which is then taken into use. */
  readonly record: CoordinatorRecord
  /** The sessions of its members. */
  start(nowMs: number): Step
  /** The same, and a rebalance: somebody has left with the old protocol. Later than its record, if need be. */
  startRebalancing(nowMs: number): Step
}

/** A stable group of consumers with all that its members support, which the record alone would not bring back. */
export function classicGroupOf(parts: ClassicGroupParts, nowMs: number): MadeClassicGroup {
  assert(parts.members.length > 0, 'A group that is converted has members')
  const group = ClassicGroup.empty(parts.groupId, parts.world)
  const state = ClassicGroup.stateOf(group)
  for (const member of parts.members) {
    const { rebalanceTimeoutMs, sessionTimeoutMs, protocols, assignment } = member
    const terms = { rebalanceTimeoutMs, sessionTimeoutMs, protocols }
    state.add(newMember(member, { terms, assignment }), CONSUMER_PROTOCOL_TYPE)
  }
  state.generation = parts.generation
  state.protocol = selectProtocol(parts.members.map(({ protocols }) => protocols))
  state.phase = 'Stable'
  state.phaseSinceMs = nowMs
  state.subscribedTopics = subscribedTopicsOf(state)
  state.onAppended = () => {}
  const { members, leaderId } = state
  const record = groupMetadataRecord(state, {
    ...{ members: members.all(), leaderId, assignmentOf: ({ assignment }) => assignment },
  })
  // Who came since then has a timer of its own already, and may have begun a rebalance, or the last may have left.
  const startSessions = (startMs: number, rebalances: boolean) =>
    takeTurn(state, startMs, (turn) => {
      for (const member of state.members.all()) if (!member.isNew) startSession(turn, member)
      if (rebalances && state.phase === 'Stable') beginJoinPhase(turn)
    })
  return {
    ...{ group, record },
    start: (startMs) => startSessions(startMs, false),
    startRebalancing: (startMs) => startSessions(startMs, true),
  }
}
