/**
 * A group of the consumer protocol (KIP-848): the coordinator assigns, and members are led to the target one by one by
 * the answers to their heartbeats. This class is its face to the shard; what events do stands beside it: `heartbeat.ts`
 * and `leave.ts`, both on `settle.ts` and `reconcile.ts`, and `classic-requests.ts` for members of the classic protocol.
 *
 * All that members are told rests on records, so that a coordinator that takes over goes on where this one was.
 */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { answerError, type CoordinatorRecord, type Step, step, type Ticket } from '../../machine.ts'
import type { ClassicGroup, HeartbeatReply as ClassicHeartbeatReply } from '../classic/classic-group.ts'
import type { JoinEvent } from '../classic/join.ts'
import type { LeaveReply, LeaveRequest } from '../classic/leave.ts'
import type { SyncEvent } from '../classic/sync.ts'
import type { CommitCheck, CommitRequest, FetchRequest, Group, OffsetAging } from '../group.ts'
import type { GroupRecord } from '../group-records.ts'
import type { Caller, GroupWorld } from '../world.ts'
import { classicJoin } from './classic-join.ts'
import { type ClassicHeartbeatRequest, classicHeartbeat, classicLeave, classicSync } from './classic-requests.ts'
import { type DescribedConsumerGroup, describeConsumerGroup, phaseOf } from './describe.ts'
import { GroupState } from './group-state.ts'
import { type HeartbeatEvent, type HeartbeatReply, heartbeat } from './heartbeat.ts'
import { type HeartbeatRequest, heartbeatProblem } from './heartbeat-request.ts'
import { leaveByHeartbeat, removeMembers } from './leave.ts'
import { commitError, fetchError } from './offsets-access.ts'
import { type Expiry, rebalanceTimer, type Scope, sessionTimer } from './scope.ts'
import { groupTombstones } from './tombstones.ts'
import type { TopicWatch, TopicWatcher } from './topic-watch.ts'

export interface ConsumerGroupParts {
  readonly groupId: string
  readonly world: GroupWorld
  /** Of the shard: it tells its groups of their topics' changes. */
  readonly watch: TopicWatch
  /**
   * Called while a step is made that turns this group into a classic one: that one takes the place when the group's
   * tombstone of this step is applied, and the step's last record is for it. Nothing of it is true if they are refused.
   */
  readonly expect: (successor: ClassicGroup) => void
}

export class ConsumerGroup implements Group, TopicWatcher {
  readonly kind = 'consumer'
  readonly protocolType = 'consumer'
  readonly groupId: string
  readonly #watch: TopicWatch
  readonly #scope: Scope
  #state: GroupState
  /** Made when it is asked for, as long as the topics stay the same. */
  #topics: ReadonlySet<string> | null = null

  private constructor(parts: ConsumerGroupParts) {
    this.groupId = parts.groupId
    this.#watch = parts.watch
    this.#state = this.#emptyState()
    this.#scope = this.#makeScope(parts)
  }

  /** Not in the log yet: for its first member's heartbeat, or to `apply` what the log says of it. */
  static empty(parts: ConsumerGroupParts): ConsumerGroup {
    return new ConsumerGroup(parts)
  }

  /**
   * The group as it will be once `records` are in the log, for an event that comes in the same step: what `event` makes
   * of it is returned, and the group is empty again, waiting for all of these records to be applied.
   */
  static anticipating(
    parts: ConsumerGroupParts,
    records: readonly GroupRecord[],
    event: (scope: Scope) => Step,
  ): { readonly group: ConsumerGroup; readonly step: Step } {
    const group = new ConsumerGroup(parts)
    group.#state = new GroupState(parts.groupId, () => {})
    for (const record of records) group.#state.apply(record)
    try {
      return { group, step: event(group.#scope) }
    } finally {
      group.#state = group.#emptyState()
    }
  }

  state(): string {
    return phaseOf(this.#state)
  }

  memberCount(): number {
    return this.#state.members.size
  }

  isEmpty(): boolean {
    return this.#state.members.size === 0
  }

  /** ConsumerGroupHeartbeat: to join, to stay, or to leave. */
  heartbeat(request: HeartbeatRequest, caller: Caller, ticket: Ticket<HeartbeatReply>, nowMs: number): Step {
    const event: HeartbeatEvent = { request, caller, ticket }
    const assignors = this.#scope.settings().consumerAssignors
    const problem = heartbeatProblem(request, { apiVersion: caller.apiVersion, assignors })
    if (problem !== null) return step({ answers: [answerError(ticket, problem)] })
    return answeringErrors(ticket, () =>
      request.memberEpoch < 0 ? leaveByHeartbeat(this.#scope, event, nowMs) : heartbeat(this.#scope, event, nowMs),
    )
  }

  /** JoinGroup, of a member that speaks the classic protocol; so are the three that follow. */
  join(request: JoinEvent['request'], caller: Caller, ticket: JoinEvent['ticket'], nowMs: number): Step {
    return classicJoin(this.#scope, { request, caller, ticket }, nowMs)
  }

  sync(request: SyncEvent['request'], caller: Caller, ticket: SyncEvent['ticket'], _nowMs: number): Step {
    return classicSync(this.#scope, { request, caller, ticket })
  }

  classicHeartbeat(
    request: ClassicHeartbeatRequest,
    _caller: Caller,
    ticket: Ticket<ClassicHeartbeatReply>,
    _nowMs: number,
  ): Step {
    return classicHeartbeat(this.#scope, { request, ticket })
  }

  leave(request: LeaveRequest, caller: Caller, ticket: Ticket<LeaveReply>, nowMs: number): Step {
    return classicLeave(this.#scope, { request, caller, ticket }, nowMs)
  }

  describe(): DescribedConsumerGroup {
    return describeConsumerGroup(this.#scope)
  }

  checkCommit(request: CommitRequest, _nowMs: number): CommitCheck {
    return { error: commitError(this.#state, request), timers: [] }
  }

  checkFetch(request: FetchRequest): ReturnType<typeof fetchError> {
    return fetchError(this.#state, request)
  }

  /** By name, or matched by an expression when it was last resolved. */
  subscribedTopics(): ReadonlySet<string> {
    this.#topics ??= new Set(this.#state.topics.keys())
    return this.#topics
  }

  offsetAging(): OffsetAging {
    return 'from commit'
  }

  apply(record: GroupRecord): void {
    this.#state.apply(record)
    // Whatever moved the epoch has looked at the topics.
    if (record.type === 'consumerGroupMetadata') this.#scope.soft.areTopicsStale = false
  }

  tombstones(): CoordinatorRecord[] {
    return groupTombstones(this.#state)
  }

  /** Topics may have changed while nobody looked. */
  loaded(_nowMs: number): Step {
    this.#scope.soft.areTopicsStale = true
    const members = [...this.#state.members.values()]
    const owing = members.filter(({ state, classic }) => state === 'unrevoked' && classic === null)
    const sessions = members.map((member) => sessionTimer(this.#scope, member))
    return step({ timers: [...sessions, ...owing.map((member) => rebalanceTimer(this.#scope, member))] })
  }

  /** Nobody waits in a group that answers at once. */
  unloaded(): Step {
    return step()
  }

  topicsChanged(): void {
    this.#scope.soft.areTopicsStale = true
  }

  #emptyState(): GroupState {
    return new GroupState(this.groupId, (topic, isSubscribed) => {
      this.#topics = null
      if (isSubscribed) this.#watch.watch(topic, this)
      else this.#watch.unwatch(topic, this)
    })
  }

  #makeScope({ groupId, world, watch, expect }: ConsumerGroupParts): Scope {
    const state = () => this.#state
    return {
      ...{ groupId, world, watch, expect },
      soft: { areTopicsStale: false, isResolving: false, joinsAwaited: new Set() },
      settings: () => world.settings(groupId),
      expired: (expiry, nowMs) => this.#expired(expiry, nowMs),
      get state() {
        return state()
      },
    }
  }

  /** The member is removed, unless it has moved on, or is gone. */
  #expired({ memberId, purpose, epoch }: Expiry, nowMs: number): Step {
    const member = this.#state.members.get(memberId)
    if (member === undefined) return step()
    const hasMovedOn = member.state !== 'unrevoked' || member.epoch !== epoch
    if (purpose === 'rebalance' && hasMovedOn) return step()
    return removeMembers(this.#scope, [member], nowMs)
  }
}

/** For the form of a reply that has room for an error and its message. */
export function answeringErrors(ticket: Ticket<never>, act: () => Step): Step {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return step({ answers: [answerError(ticket, error)] })
  }
}
