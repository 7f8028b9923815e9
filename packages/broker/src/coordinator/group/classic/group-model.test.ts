/**
 * Random lives of a group: members that come with random protocols, time out, leave, return, ask twice; appends that are
 * refused; fail-overs. After every event the harness checks the group's invariants and that no ticket is forgotten or
 * answered twice. Here is checked what clients and the log see over time.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorName } from '@ottla/protocol/errors.ts'
import fc from 'fast-check'
import type { TestTicket } from '../../testing/transcript.ts'
import { ClassicGroup } from './classic-group.ts'
import { ClassicHarness, type JoinParts } from './classic-harness.ts'
import type { JoinReply, SyncReply } from './member.ts'

const CLIENTS = 5
/** Longer than every session, phase and first join. */
const ALL_TIMERS_MS = 600_000

const PROTOCOLS = [['range'], ['range', 'sticky'], ['sticky', 'range'], ['sticky']] as const

type Act =
  | { kind: 'join'; client: number; protocols: readonly string[]; metadata: string; apiVersion: number }
  | { kind: 'sync' | 'heartbeat' | 'leave' | 'forget'; client: number }
  | { kind: 'advance'; ms: number }
  | { kind: 'settle' | 'refuse' | 'failOver' | 'lowerLimit' | 'raiseLimit' }

const client = fc.nat(CLIENTS - 1)
const ofClient = fc.constantFrom('sync', 'sync', 'sync', 'heartbeat', 'leave', 'forget')
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      ...{ kind: fc.constant('join' as const), client, protocols: fc.constantFrom(...PROTOCOLS) },
      ...{ metadata: fc.constantFrom('a', 'a', 'a', 'b'), apiVersion: fc.constantFrom(0, 3, 5, 8, 9) },
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: ofClient as fc.Arbitrary<'sync'>, client }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(100, 3000, 9000, 70_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('refuse' as const, 'failOver', 'lowerLimit', 'raiseLimit') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
)

/** A consumer as the coordinator sees it; the last two are static. */
class Client {
  readonly instanceId: string | undefined
  memberId = ''
  generation = -1
  leads: readonly string[] = []
  protocol: string | null = null
  joining: TestTicket<JoinReply> | null = null
  syncing: TestTicket<SyncReply> | null = null

  constructor(index: number) {
    this.instanceId = index >= CLIENTS - 2 ? `i${index}` : undefined
  }

  /** Takes in what was answered meanwhile. */
  listen(): void {
    if (this.joining?.isAnswered) this.#joined(this.joining.reply)
    if (this.syncing?.isAnswered) {
      if (errorName(this.syncing.reply.errorCode) === 'UNKNOWN_MEMBER_ID') this.forget()
      this.syncing = null
    }
  }

  /** As a process that starts again. */
  forget(): void {
    this.memberId = ''
    this.generation = -1
    this.leads = []
  }

  #joined(reply: JoinReply): void {
    this.joining = null
    const error = errorName(reply.errorCode)
    if (error === 'MEMBER_ID_REQUIRED') this.memberId = reply.memberId
    else if (error === 'UNKNOWN_MEMBER_ID' || error === 'FENCED_INSTANCE_ID') this.forget()
    if (error !== 'NONE') return
    this.memberId = reply.memberId
    this.generation = reply.generationId!
    this.protocol = reply.protocolName ?? null
    this.leads = reply.leader === reply.memberId ? reply.members.map(({ memberId }) => memberId) : []
  }
}

class Life {
  readonly harness = new ClassicHarness()
  readonly clients = Array.from({ length: CLIENTS }, (_, index) => new Client(index))
  #generation = 0
  #loggedGeneration = 0
  #recordCount = 0

  live(one: Act): void {
    this.#do(one)
    for (const each of this.clients) each.listen()
    this.#checkGenerations(one.kind === 'failOver')
    if (this.harness.hasGroup) this.#checkGroup()
  }

  #do(one: Act): void {
    const { harness } = this
    switch (one.kind) {
      case 'advance':
        return harness.advance(one.ms)
      case 'refuse':
        return harness.transcript.refuseNext('COORDINATOR_NOT_AVAILABLE')
      case 'failOver':
        return this.#failOver()
      case 'settle':
        return this.settle()
      case 'lowerLimit':
      case 'raiseLimit':
        harness.world.changedSettings = { maxSize: one.kind === 'lowerLimit' ? 2 : 100 }
        return
      default:
        return this.#doOf(this.clients[one.client]!, one)
    }
  }

  /** All clients, as they are, join and sync as long as it takes, but for the limit of members. */
  settle(): void {
    for (const index of this.clients.keys()) this.#join(index)
    for (const [index, { joining }] of this.clients.entries()) if (joining === null) this.#join(index)
    for (let tries = 0; tries < 30 && this.clients.some(({ joining }) => joining !== null); tries++) {
      this.live({ kind: 'advance', ms: 3000 })
    }
    for (const index of this.clients.keys()) this.live({ kind: 'sync', client: index })
  }

  #join(index: number): void {
    this.live({ kind: 'join', client: index, protocols: ['range', 'sticky'], metadata: 'a', apiVersion: 9 })
  }

  /** A generation that was not written is not known to the next coordinator, nor asked about here. */
  #failOver(): void {
    this.harness.failOver()
    const generation = this.harness.hasGroup ? this.harness.group.generation : -1
    for (const each of this.clients) {
      each.listen()
      each.generation = Math.min(each.generation, generation)
    }
  }

  #doOf(who: Client, one: Act & { client: number }): void {
    const { harness } = this
    const { memberId, generation, instanceId } = who
    if (one.kind === 'join') who.joining = harness.join(joinParts(who, one))
    else if (one.kind === 'forget') who.forget()
    else if (one.kind === 'heartbeat') harness.heartbeat(memberId, generation, instanceId ?? null)
    else if (one.kind === 'leave') {
      harness.leave({ memberId, ...(instanceId === undefined ? {} : { instanceId }) })
      who.forget()
    } else {
      const assignments = Object.fromEntries(who.leads.map((id) => [id, `${generation} for ${id}`]))
      const { protocol } = who
      who.syncing = harness.sync({
        memberId,
        generation,
        assignments,
        protocol: protocol === '' ? null : protocol,
        apiVersion: 4,
      })
    }
  }

  /** A coordinator never goes back, except to what the log says when it takes over; and the log never goes back. */
  #checkGenerations(tookOver: boolean): void {
    const { harness } = this
    for (const { generation } of harness.records(this.#recordCount)) {
      assert.ok(generation >= this.#loggedGeneration, 'No generation goes back in the log')
      this.#loggedGeneration = generation
    }
    this.#recordCount = harness.recordCount
    const generation = harness.hasGroup ? harness.group.generation : 0
    if (tookOver) assert.equal(generation, this.#loggedGeneration)
    else assert.ok(generation >= this.#generation, 'No generation goes back')
    this.#generation = generation
  }

  #checkGroup(): void {
    const state = ClassicGroup.stateOf(this.harness.group)
    if (state.phase !== 'Stable') return
    const [logged] = this.harness.records().slice(-1)
    assert.equal(logged!.generation, state.generation, 'A stable generation is in the log')
    for (const { memberId, assignment } of state.members.all()) {
      const row = logged!.members.find((member) => member.memberId === memberId)
      assert.ok(row !== undefined, 'A stable member is in the log')
      assert.deepEqual(row.assignment, assignment, 'with its assignment')
    }
    for (const { memberId, generation } of this.clients) {
      if (state.members.get(memberId) !== undefined) assert.ok(generation <= state.generation, 'Nobody is ahead')
    }
  }
}

function joinParts(who: Client, one: Act & { kind: 'join' }): JoinParts {
  const { protocols, metadata, apiVersion } = one
  const { memberId, instanceId } = who
  return { memberId, protocols, metadata, apiVersion, ...(instanceId === undefined ? {} : { instanceId }) }
}

test('whatever members, time and the log do, a group keeps its promises', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 10, maxLength: 120, size: 'max' }), (acts) => {
      const life = new Life()
      for (const one of acts) life.live(one)
    }),
    { numRuns: 300 },
  )
})

test('whatever has happened, a stable group is the same after a fail-over', () => {
  let stableCount = 0
  fc.assert(
    fc.property(fc.array(act, { minLength: 10, maxLength: 80, size: 'max' }), (acts) => {
      const life = new Life()
      for (const one of acts) {
        life.live(one)
        if (!life.harness.hasGroup || life.harness.group.state() !== 'Stable') continue
        stableCount++
        // A group that is larger than its limit would rebalance as soon as it is loaded.
        life.live({ kind: 'raiseLimit' })
        const before = life.harness.group.describe()
        const { leaderId } = ClassicGroup.stateOf(life.harness.group)
        life.live({ kind: 'failOver' })
        assert.deepEqual(life.harness.group.describe(), before)
        assert.equal(ClassicGroup.stateOf(life.harness.group).leaderId, leaderId)
      }
    }),
    { numRuns: 100 },
  )
  assert.ok(stableCount > 100, `Only ${stableCount} stable groups were seen`)
})

test('whatever has happened, when all fall silent the group becomes empty and nobody waits', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 10, maxLength: 80, size: 'max' }), (acts) => {
      const life = new Life()
      for (const one of acts) life.live(one)
      if (!life.harness.hasGroup) return
      life.harness.advance(ALL_TIMERS_MS)
      assert.equal(life.harness.group.state(), 'Empty')
      assert.deepEqual(life.harness.timers(), {})
    }),
    { numRuns: 100 },
  )
})

test('whatever has happened, members that behave reach one stable generation', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 10, maxLength: 80, size: 'max' }), (acts) => {
      const life = new Life()
      for (const one of acts) life.live(one)
      life.live({ kind: 'raiseLimit' })
      life.harness.advance(ALL_TIMERS_MS)
      const { harness, clients } = life
      for (const each of clients) each.forget()
      life.settle()
      // The first time a record may have been refused.
      life.settle()
      assert.equal(harness.group.state(), 'Stable')
      assert.equal(harness.group.memberCount(), CLIENTS)
      assert.deepEqual(new Set(clients.map(({ generation }) => generation)), new Set([harness.group.generation]))
    }),
    { numRuns: 100 },
  )
})
