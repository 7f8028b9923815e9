/**
 * What the tests of this folder share: one group behind a small shard, driven as the runtime would, with requests whose
 * uninteresting fields are filled in. After each event it checks what must hold: see `check`.
 */
import assert from 'node:assert/strict'
import { type ErrorName, errorName } from '@ottla/protocol/errors.ts'
import type { CoordinatorRecord, RecordOrigin, Step, Ticket } from '../../machine.ts'
import { START_MS, TestTicket, TestWorld, Transcript, testCaller } from '../../testing/transcript.ts'
import type { GroupRecord, GroupRecordValue } from '../group-records.ts'
import { decodeGroupRecord } from '../group-records.ts'
import type { Caller } from '../world.ts'
import { heartbeatAbsentGroup, joinAbsentGroup, leaveAbsentGroup, syncAbsentGroup } from './absent-group.ts'
import { ClassicGroup, type HeartbeatReply } from './classic-group.ts'
import type { JoinEvent } from './join.ts'
import type { LeaveReply } from './leave.ts'
import type { JoinReply, SyncReply } from './member.ts'
import type { SyncEvent } from './sync.ts'

export const GROUP_ID = 'g'
export { START_MS }

export interface JoinParts {
  readonly memberId?: string
  readonly instanceId?: string
  readonly protocols?: readonly string[]
  /** Metadata of all the protocols. */
  readonly metadata?: string | Buffer
  readonly protocolType?: string
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
  readonly apiVersion?: number
  readonly clientId?: string
}

export interface SyncParts {
  readonly memberId: string
  readonly generation: number
  readonly assignments?: Readonly<Record<string, string>>
  readonly instanceId?: string
  readonly protocolType?: string | null
  readonly protocol?: string | null
  readonly apiVersion?: number
}

/** The one group of a shard: made by joins and records, removed by tombstones. */
class OneGroup {
  group: ClassicGroup | null = null
  readonly world: TestWorld

  constructor(world: TestWorld) {
    this.world = world
  }

  apply(record: CoordinatorRecord, _origin: RecordOrigin): void {
    const decoded = decodeGroupRecord(record) as GroupRecord
    if (decoded.value === null) this.group = null
    else {
      this.group ??= ClassicGroup.empty(GROUP_ID, this.world)
      this.group.apply(decoded)
    }
  }

  join(event: JoinEvent, nowMs: number): Step {
    if (this.live !== null) return this.live.join(event.request, event.caller, event.ticket, nowMs)
    const { group, step } = joinAbsentGroup(this.world, event, nowMs)
    if (group !== null) this.group = group
    return step
  }

  get live(): ClassicGroup | null {
    return this.group?.state() === 'Dead' ? null : this.group
  }
}

export class ClassicHarness {
  readonly world = new TestWorld()
  readonly transcript: Transcript<OneGroup>
  readonly #parkable: TestTicket<never>[] = []

  constructor() {
    this.transcript = new Transcript(() => new OneGroup(this.world))
  }

  get group(): ClassicGroup {
    const { group } = this.transcript.subject
    assert.ok(group !== null, 'There is a group')
    return group
  }

  get hasGroup(): boolean {
    return this.transcript.subject.live !== null
  }

  get nowMs(): number {
    return this.transcript.nowMs
  }

  join(parts: JoinParts = {}): TestTicket<JoinReply> {
    const caller = testCaller({ apiVersion: parts.apiVersion ?? 9, clientId: parts.clientId ?? 'client' })
    const request = joinRequest(parts)
    return this.#parked((subject, ticket: Ticket<JoinReply>, nowMs) => subject.join({ request, caller, ticket }, nowMs))
  }

  sync(parts: SyncParts): TestTicket<SyncReply> {
    const caller = testCaller({ apiVersion: parts.apiVersion ?? 5 })
    const request = syncRequest(parts)
    return this.#parked((subject, ticket: Ticket<SyncReply>, nowMs) => {
      const { live } = subject
      if (live === null) return syncAbsentGroup({ request, caller, ticket })
      return live.sync(request, caller, ticket, nowMs)
    })
  }

  heartbeat(memberId: string, generationId: number, groupInstanceId: string | null = null): ErrorName {
    const request = { groupId: GROUP_ID, memberId, generationId, groupInstanceId }
    const ticket = this.#submit<HeartbeatReply>(({ live }, answered, nowMs) => {
      if (live === null) return heartbeatAbsentGroup(answered)
      return live.heartbeat(request, testCaller(), answered, nowMs)
    })
    return errorName(ticket.reply.errorCode)
  }

  /** From version 3 on. */
  leave(...leavers: { memberId?: string; instanceId?: string }[]): LeaveReply {
    const members = leavers.map(({ memberId = '', instanceId = null }) => {
      return { memberId, groupInstanceId: instanceId, reason: null }
    })
    return this.#leave({ groupId: GROUP_ID, memberId: '', members }, testCaller({ apiVersion: 5 }))
  }

  /** Up to version 2. */
  leaveAlone(memberId: string): LeaveReply {
    return this.#leave({ groupId: GROUP_ID, memberId, members: [] }, testCaller({ apiVersion: 2 }))
  }

  advance(ms: number): void {
    this.transcript.advance(ms)
    this.check()
  }

  /** A fail-over: who waited is answered, and a fresh shard takes the log. */
  failOver(): void {
    const { group } = this.transcript.subject
    if (group !== null) for (const answer of group.unloaded().answers) answer.give()
    this.check()
    const { live } = this.transcript.restart()
    if (live !== null) this.transcript.run(live.loaded(this.nowMs))
    this.check()
  }

  /** A member of a first or further generation: with its id, once the join phase has ended. */
  enter(parts: JoinParts = {}): { memberId: string; joined: TestTicket<JoinReply> } {
    if (parts.instanceId !== undefined) {
      const joined = this.join(parts)
      const ids = [...ClassicGroup.stateOf(this.group).members.all()].map(({ memberId }) => memberId)
      return { memberId: ids.at(-1)!, joined }
    }
    const { memberId } = this.join(parts).reply
    return { memberId, joined: this.join({ ...parts, memberId }) }
  }

  /** A stable first generation. Everybody is assigned `for <index>`, the first leads. */
  stable(...members: JoinParts[]): string[] {
    const entered = members.map((parts) => this.enter(parts))
    this.advance(3000)
    while (entered.some(({ joined }) => !joined.isAnswered)) this.advance(3000)
    const ids = entered.map(({ memberId }) => memberId)
    this.settle(ids)
    return ids
  }

  /** All of the ids, the first of them the leader, sync the current generation. */
  settle(ids: readonly string[]): void {
    const { generation } = this.group
    const assignments = Object.fromEntries(ids.map((memberId, index) => [memberId, `for ${index}`]))
    for (const [index, memberId] of ids.entries()) {
      this.sync({ memberId, generation, ...(index === 0 ? { assignments } : {}) })
    }
    assert.equal(this.group.state(), 'Stable')
  }

  /** The values of the group's records since `from`. */
  records(from = 0): GroupRecordValue<'groupMetadata'>[] {
    return this.transcript.records(from).map((record) => {
      assert.equal(record.type, 'groupMetadata')
      return record.value as GroupRecordValue<'groupMetadata'>
    })
  }

  get recordCount(): number {
    return this.transcript.log.length
  }

  /** What is left of each timer, by its kind or by the member of the session. */
  timers(): Record<string, number> {
    return Object.fromEntries(
      [...this.transcript.timers].map(([key, leftMs]) => {
        const [groupId, what, memberId] = JSON.parse(key) as string[]
        assert.equal(groupId, GROUP_ID)
        return [memberId ?? what, leftMs]
      }),
    )
  }

  /** Every ticket is answered (the ticket itself fails at a second answer) or waits at exactly one member. */
  check(): void {
    const waiting: unknown[] = []
    const { group } = this.transcript.subject
    if (group !== null) {
      const state = ClassicGroup.stateOf(group)
      state.verify()
      for (const { waitingJoin, waitingSync } of state.members.all()) {
        waiting.push(...[waitingJoin?.ticket, waitingSync].filter((ticket) => ticket))
      }
    }
    const unanswered = this.#parkable.filter((ticket) => !ticket.isAnswered)
    assert.equal(new Set(waiting).size, waiting.length, 'No ticket waits twice')
    assert.deepEqual(new Set(waiting), new Set<unknown>(unanswered), 'No ticket is forgotten, none waits in vain')
  }

  #leave(request: Parameters<ClassicGroup['leave']>[0], caller: Caller): LeaveReply {
    const ticket = this.#submit<LeaveReply>(({ live }, answered, nowMs) => {
      if (live === null) return leaveAbsentGroup({ request, caller, ticket: answered })
      return live.leave(request, caller, answered, nowMs)
    })
    return ticket.reply
  }

  #parked<Reply>(event: (subject: OneGroup, ticket: Ticket<Reply>, nowMs: number) => Step): TestTicket<Reply> {
    const ticket = new TestTicket<Reply>()
    this.#parkable.push(ticket as unknown as TestTicket<never>)
    this.transcript.run(event(this.transcript.subject, ticket, this.nowMs))
    this.check()
    return ticket
  }

  #submit<Reply>(event: (subject: OneGroup, ticket: Ticket<Reply>, nowMs: number) => Step): TestTicket<Reply> {
    const ticket = this.transcript.submit(event)
    this.check()
    return ticket
  }
}

export function errorOf(ticket: TestTicket<JoinReply> | TestTicket<SyncReply>): ErrorName {
  return errorName(ticket.reply.errorCode)
}

export function joinRequest(parts: JoinParts): JoinEvent['request'] {
  const { memberId = '', instanceId = null, protocolType = 'consumer', protocols = ['range'] } = parts
  const metadata = asBytes(parts.metadata ?? 'meta')
  return {
    ...{ groupId: GROUP_ID, memberId, groupInstanceId: instanceId, protocolType, reason: null },
    protocols: protocols.map((name) => ({ name, metadata })),
    sessionTimeoutMs: parts.sessionTimeoutMs ?? 10_000,
    rebalanceTimeoutMs: parts.rebalanceTimeoutMs ?? 60_000,
  }
}

function syncRequest(parts: SyncParts): SyncEvent['request'] {
  const assignments = Object.entries(parts.assignments ?? {}).map(([memberId, text]) => {
    return { memberId, assignment: Buffer.from(text) }
  })
  return {
    ...{ groupId: GROUP_ID, memberId: parts.memberId, generationId: parts.generation, assignments },
    groupInstanceId: parts.instanceId ?? null,
    protocolType: parts.protocolType === undefined ? 'consumer' : parts.protocolType,
    protocolName: parts.protocol === undefined ? 'range' : parts.protocol,
  }
}

function asBytes(content: string | Buffer): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : content
}
