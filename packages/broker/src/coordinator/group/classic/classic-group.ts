/**
 * A group of the classic protocol: its members agree on a generation by joining, and their leader assigns. This class is
 * its face to the shard; each request has a file of its own beside it, and `rebalance.ts` has what they share.
 *
 * Only generations are in the log (`group-metadata.ts`). The state of negotiations is here alone and is lost with this
 * coordinator; who took part learns NOT_COORDINATOR and joins again. Each event and the appending of its record are one
 * turn: nothing comes between a step and its `apply` or `refused`.
 */
import { assert, unreachable } from '@ottla/base/assert.ts'
import type { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import { answer, type CoordinatorRecord, type Step, step, type Ticket } from '../../machine.ts'
import type { CommitCheck, CommitRequest, Group, OffsetAging } from '../group.ts'
import { type GroupRecord, groupTombstone } from '../group-records.ts'
import type { Caller, GroupWorld } from '../world.ts'
import { type DescribedGroup, describeGroup } from './describe.ts'
import { loadGroupMetadata } from './group-metadata.ts'
import { GroupState, type TimerEvent } from './group-state.ts'
import { checkCommit, heartbeat } from './heartbeat.ts'
import { type JoinEvent, joinGroup } from './join.ts'
import { type LeaveReply, type LeaveRequest, leaveGroup, leaveReply } from './leave.ts'
import type { JoinReply, SyncReply } from './member.ts'
import { beginJoinPhase, initialDelayExpired, joinPhaseExpired, sessionExpired, syncExpired } from './rebalance.ts'
import { joinRefusal, refuseWaitingJoin, refuseWaitingSync, syncRefusal } from './replies.ts'
import { CONSUMER_PROTOCOL_TYPE } from './subscriptions.ts'
import { type SyncEvent, syncGroup } from './sync.ts'
import { startSession, timerKeys } from './timers.ts'
import { type Turn, takeTurn } from './turn.ts'

export type HeartbeatReply = ResponseInputOf<typeof Heartbeat>

export class ClassicGroup implements Group {
  readonly kind = 'classic'
  readonly #state: GroupState

  private constructor(parts: { groupId: string; world: GroupWorld; isUnwritten: boolean }) {
    this.#state = new GroupState({ ...parts, timerFired: (event, nowMs) => this.#timerFired(event, nowMs) })
  }

  /** Without members: of a group that has offsets only, or to `apply` what the log says of it. */
  static empty(groupId: string, world: GroupWorld): ClassicGroup {
    return new ClassicGroup({ groupId, world, isUnwritten: false })
  }

  /** For the join of the first member, which will write the group's first record; see `joinAbsentGroup`. */
  static created(groupId: string, world: GroupWorld): ClassicGroup {
    return new ClassicGroup({ groupId, world, isUnwritten: true })
  }

  /** Hands out the state itself: for the files of this folder that read it, or build it. */
  static stateOf(group: ClassicGroup): GroupState {
    return group.#state
  }

  get groupId(): string {
    return this.#state.groupId
  }

  get protocolType(): string | null {
    return this.#state.protocolType
  }

  get generation(): number {
    return this.#state.generation
  }

  /** Dead: unloaded, or its first record was refused. */
  state(): string {
    return this.#state.phase
  }

  memberCount(): number {
    return this.#state.members.count
  }

  isEmpty(): boolean {
    return this.#state.phase === 'Empty'
  }

  join(request: JoinEvent['request'], caller: Caller, ticket: Ticket<JoinReply>, nowMs: number): Step {
    if (this.#isDead) return told(ticket, joinRefusal(caller.apiVersion, 'COORDINATOR_NOT_AVAILABLE', request.memberId))
    return takeTurn(this.#state, nowMs, (turn) => joinGroup(turn, { request, caller, ticket }))
  }

  sync(request: SyncEvent['request'], caller: Caller, ticket: Ticket<SyncReply>, nowMs: number): Step {
    if (this.#isDead) return told(ticket, syncRefusal('COORDINATOR_NOT_AVAILABLE'))
    return takeTurn(this.#state, nowMs, (turn) => syncGroup(turn, { request, caller, ticket }))
  }

  heartbeat(
    request: RequestOf<typeof Heartbeat>,
    _caller: Caller,
    ticket: Ticket<HeartbeatReply>,
    nowMs: number,
  ): Step {
    if (this.#isDead) return told(ticket, { errorCode: errorCode('COORDINATOR_NOT_AVAILABLE') })
    return takeTurn(this.#state, nowMs, (turn) => {
      turn.draft.answer(ticket, { errorCode: errorCode(heartbeat(turn, request)) })
    })
  }

  leave(request: LeaveRequest, caller: Caller, ticket: Ticket<LeaveReply>, nowMs: number): Step {
    if (this.#isDead)
      return told(
        ticket,
        leaveReply(request, caller, () => 'COORDINATOR_NOT_AVAILABLE'),
      )
    return takeTurn(this.#state, nowMs, (turn) => turn.draft.answer(ticket, leaveGroup(turn, request, caller)))
  }

  describe(): DescribedGroup {
    return describeGroup(this.#state)
  }

  checkCommit(request: CommitRequest, _nowMs: number): CommitCheck {
    if (this.#isDead) return { error: 'COORDINATOR_NOT_AVAILABLE', timers: [] }
    return checkCommit(this.#state, request)
  }

  checkFetch(): ErrorName | null {
    return this.#isDead ? 'GROUP_ID_NOT_FOUND' : null
  }

  /** Null also for a group of consumers whose subscriptions cannot be read: any topic may be among them. */
  subscribedTopics(): ReadonlySet<string> | null {
    return this.#state.subscribedTopics
  }

  offsetAging(): OffsetAging {
    const { protocolType, phase, phaseSinceMs, subscribedTopics } = this.#state
    if (protocolType === null) return 'from commit'
    if (phase === 'Empty') return phaseSinceMs === -1 ? 'from commit' : { fromMs: phaseSinceMs }
    const isKnown = phase === 'Stable' && protocolType === CONSUMER_PROTOCOL_TYPE && subscribedTopics !== null
    return isKnown ? 'from commit' : 'kept'
  }

  /** Live it completes what the step before has begun; in replay the record is all there is. */
  apply(record: GroupRecord): void {
    assert(record.type === 'groupMetadata' && record.value !== null, 'A classic group has one type of record')
    const { onAppended } = this.#state
    if (onAppended === null) return loadGroupMetadata(this.#state, record.value)
    this.#state.onAppended = null
    onAppended()
  }

  tombstones(): CoordinatorRecord[] {
    return [groupTombstone('groupMetadata', { group: this.groupId })]
  }

  loaded(nowMs: number): Step {
    const state = this.#state
    return takeTurn(state, nowMs, (turn) => {
      for (const member of state.members.all()) startSession(turn, member)
      // The limit was lowered: in a new join phase the last to come are turned away, and all may commit before.
      if (state.members.count > state.world.settings(state.groupId).maxSize) beginJoinPhase(turn)
    })
  }

  unloaded(): Step {
    return takeTurn(this.#state, this.#state.phaseSinceMs, dissolve)
  }

  get #isDead(): boolean {
    return this.#state.phase === 'Dead'
  }

  #timerFired(event: TimerEvent, nowMs: number): Step {
    if (this.#isDead) return step()
    return takeTurn(this.#state, nowMs, (turn) => obeyTimer(turn, event))
  }
}

function obeyTimer(turn: Turn, event: TimerEvent): void {
  switch (event.kind) {
    case 'session':
      return sessionExpired(turn, event.memberId)
    case 'join':
      return joinPhaseExpired(turn)
    case 'initialJoin':
      return initialDelayExpired(turn, event)
    case 'sync':
      return syncExpired(turn, event.generation)
    default:
      return unreachable(event)
  }
}

/** Everybody who waits learns it, once; nothing is left that could still run out. */
function dissolve(turn: Turn): void {
  const { group, draft, nowMs } = turn
  for (const key of timerKeys(group)) draft.cancel(key)
  for (const member of [...group.members.all()]) {
    refuseWaitingJoin(turn, member, { error: 'NOT_COORDINATOR', memberId: member.memberId })
    refuseWaitingSync(turn, member, 'NOT_COORDINATOR')
    group.remove(member)
  }
  group.members.pending.clear()
  group.onAppended = null
  group.moveTo('Dead', nowMs)
}

function told<Reply>(ticket: Ticket<Reply>, reply: Reply): Step {
  return step({ answers: [answer(ticket, reply)] })
}
