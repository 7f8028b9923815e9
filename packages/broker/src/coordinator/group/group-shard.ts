/**
 * The machine over one partition of `__consumer_offsets`: all groups whose ids hash to it, and their offsets. Sends each
 * request and record to the one it is for; `groups.ts` owns which groups there are, `offsets.ts` the offsets, and what
 * a group does with a request is told in `classic/` and `consumer/`.
 *
 * A group begins with a join, a heartbeat of the consumer protocol, or a commit from outside of any group: such a simple
 * group is a classic one that is in the log by its offsets alone. An empty group gives way to one of the other kind.
 */
import type { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import type { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import type { OffsetDelete } from '@ottla/protocol/apis/47-offset-delete.ts'
import type { RequestOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { ImageChange } from '../../metadata/image-change.ts'
import {
  answerError,
  type CoordinatorRecord,
  type Machine,
  type RecordOrigin,
  type Step,
  step,
  type Ticket,
  together,
} from '../machine.ts'
import { heartbeatAbsentGroup, joinAbsentGroup, leaveAbsentGroup, syncAbsentGroup } from './classic/absent-group.ts'
import type { HeartbeatReply } from './classic/classic-group.ts'
import { whenReplaced } from './classic/conversion.ts'
import type { DescribedGroup } from './classic/describe.ts'
import type { JoinEvent } from './classic/join.ts'
import type { LeaveReply, LeaveRequest } from './classic/leave.ts'
import type { SyncEvent } from './classic/sync.ts'
import { Cleanup } from './cleanup.ts'
import { heartbeatAbsentGroup as heartbeatAbsentConsumerGroup } from './consumer/absent-group.ts'
import type { ConsumerGroup } from './consumer/consumer-group.ts'
import type { DescribedConsumerGroup } from './consumer/describe.ts'
import type { HeartbeatEvent } from './consumer/heartbeat.ts'
import {
  type DeletedGroup,
  deleteGroups,
  describeClassic,
  describeConsumer,
  type ListedGroup,
  type ListFilters,
  listGroups,
} from './group-admin.ts'
import { decodeGroupRecord } from './group-records.ts'
import { type AnyGroup, Groups } from './groups.ts'
import {
  commitOffsets,
  type DeleteReply,
  deleteOffsets,
  type FetchGroupReply,
  type FetchGroupRequest,
  fetchOffsets,
} from './offset-requests.ts'
import { type CommitReply, GroupOffsets } from './offsets.ts'
import type { Caller, GroupWorld } from './world.ts'

/** A request with what it comes with. */
export interface Asking<Request, Reply> {
  readonly request: Request
  readonly caller: Caller
  readonly ticket: Ticket<Reply>
}

export class GroupShard implements Machine {
  readonly #world: GroupWorld
  readonly #groups: Groups
  readonly #offsets = new GroupOffsets()
  readonly #cleanup: Cleanup

  constructor(options: { world: GroupWorld; expiryCheckIntervalMs: () => number }) {
    const { world } = options
    this.#world = world
    this.#groups = new Groups(world)
    this.#cleanup = new Cleanup({
      ...{ groups: this.#groups.all, offsets: this.#offsets, removal },
      retentionMs: (groupId) => world.settings(groupId).offsetsRetentionMs,
      checkIntervalMs: options.expiryCheckIntervalMs,
    })
  }

  get groupCount(): number {
    return this.#groups.all.size
  }

  get offsetCount(): number {
    return this.#offsets.count
  }

  apply(record: CoordinatorRecord, origin: RecordOrigin): void {
    const decoded = decodeGroupRecord(record)
    if (decoded === null) return
    if (decoded.type !== 'offsetCommit') return this.#groups.apply(decoded)
    this.#offsets.apply(decoded, origin)
    if (decoded.value !== null) this.#groups.keepForOffsets(decoded.key.group)
  }

  endTransaction(producerId: number, outcome: 'commit' | 'abort'): void {
    this.#offsets.endTransaction(producerId, outcome)
  }

  loaded(nowMs: number): Step {
    return together(...[...this.#groups.all.values()].map((group) => group.loaded(nowMs)), this.#cleanup.nextPass())
  }

  unloaded(): Step {
    return together(...[...this.#groups.all.values()].map((group) => group.unloaded()))
  }

  imageChanged(change: ImageChange): Step {
    this.#groups.imageChanged(change)
    return this.#cleanup.imageChanged(change)
  }

  /** JoinGroup, of either kind of group: an empty consumer group gives way. */
  join(asking: JoinEvent, nowMs: number): Step {
    const { request, caller, ticket } = asking
    const group = this.#groups.get(request.groupId)
    if (group?.kind === 'classic') return group.join(request, caller, ticket, nowMs)
    if (group === undefined || group.isEmpty()) return this.#joinNew(asking, group ?? null, nowMs)
    return group.join(request, caller, ticket, nowMs)
  }

  sync(asking: SyncEvent, nowMs: number): Step {
    const { request, caller, ticket } = asking
    return this.#groups.get(request.groupId)?.sync(request, caller, ticket, nowMs) ?? syncAbsentGroup(asking)
  }

  heartbeat({ request, caller, ticket }: Asking<RequestOf<typeof Heartbeat>, HeartbeatReply>, nowMs: number): Step {
    const group = this.#groups.get(request.groupId)
    if (group === undefined) return heartbeatAbsentGroup(ticket)
    if (group.kind === 'consumer') return group.classicHeartbeat(request, caller, ticket, nowMs)
    return group.heartbeat(request, caller, ticket, nowMs)
  }

  leave(asking: Asking<LeaveRequest, LeaveReply>, nowMs: number): Step {
    const { request, caller, ticket } = asking
    return this.#groups.get(request.groupId)?.leave(request, caller, ticket, nowMs) ?? leaveAbsentGroup(asking)
  }

  /** ConsumerGroupHeartbeat: who joins makes the group; one of the classic protocol gives way, or is converted. */
  consumerHeartbeat(asking: HeartbeatEvent, nowMs: number): Step {
    const { request, caller, ticket } = asking
    const group = this.#groups.get(request.groupId)
    if (group?.kind === 'consumer') return group.heartbeat(request, caller, ticket, nowMs)
    const parts = this.#groups.partsOf(request.groupId)
    const made = heartbeatAbsentConsumerGroup(parts, { event: asking, present: group ?? null }, nowMs)
    if (made.group === null) return made.step
    this.#groups.expect(made.group)
    return group?.isEmpty() ? { ...made.step, cancelled: whenReplaced(group).cancelled } : made.step
  }

  commitOffsets(asking: Asking<RequestOf<typeof OffsetCommit>, CommitReply>, nowMs: number): Step {
    return commitOffsets(this.#owner, asking, nowMs)
  }

  fetchOffsets(request: FetchGroupRequest): FetchGroupReply {
    return fetchOffsets(this.#owner, request)
  }

  deleteOffsets(request: RequestOf<typeof OffsetDelete>, ticket: Ticket<DeleteReply>): Step {
    return deleteOffsets(this.#owner, request, ticket)
  }

  list(filters: ListFilters): ListedGroup[] {
    return listGroups(this.#groups.all.values(), filters)
  }

  describe(groupId: string, apiVersion: number): DescribedGroup {
    return describeClassic(this.#groups.get(groupId), groupId, apiVersion)
  }

  describeConsumer(groupId: string): DescribedConsumerGroup {
    return describeConsumer(this.#groups.get(groupId), groupId)
  }

  delete(groupIds: readonly string[], ticket: Ticket<DeletedGroup[]>): Step {
    return deleteGroups({ ...this.#owner, removal }, groupIds, ticket)
  }

  get #owner() {
    return { groups: this.#groups.all, offsets: this.#offsets, world: this.#world }
  }

  /** `replaced`: an empty consumer group, which is there again when the log does not take its end. */
  #joinNew(asking: JoinEvent, replaced: ConsumerGroup | null, nowMs: number): Step {
    const { groupId } = asking.request
    const { group, step: joined } = joinAbsentGroup(this.#world, asking, nowMs)
    if (group === null) return joined
    this.#groups.keep(group)
    const refused = (error: ErrorName) => {
      this.#groups.forget(groupId)
      if (replaced !== null) this.#groups.keep(replaced)
      return (
        joined.refused?.(error) ??
        step({ answers: joined.answers.map(({ ticket }) => answerError(ticket, new ProtocolError(error))) })
      )
    }
    return { ...joined, records: [...(replaced?.tombstones() ?? []), ...joined.records], refused }
  }
}

/** What removes the group from the log, and what ends with it. */
function removal(group: AnyGroup): Step {
  const records = step({ records: group.tombstones() })
  return group.kind === 'classic' ? together(records, whenReplaced(group)) : records
}
