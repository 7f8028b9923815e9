/**
 * The state of one classic group between its events, and the moves from one phase to the next. What moves it, and who
 * is answered, is told in `join.ts`, `sync.ts` and their neighbours; `group-metadata.ts` makes a record of it.
 *
 * ```
 * Empty ──> PreparingRebalance ──> CompletingRebalance ──> Stable        and from all of them ──> Dead
 *   ^─────────┘   ^                    │                     │
 *                 └────────────────────┴─────────────────────┘
 * ```
 */
import { assert } from '@ottla/base/assert.ts'
import type { Step } from '../../machine.ts'
import type { GroupWorld } from '../world.ts'
import type { ClassicMember } from './member.ts'
import { Members } from './members.ts'
import { selectProtocol } from './protocol-selection.ts'
import { subscribedTopicsOf } from './subscriptions.ts'

/** Kafka's names. */
export type Phase = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

const COMES_FROM: Readonly<Record<Phase, readonly Phase[]>> = {
  Empty: ['PreparingRebalance'],
  PreparingRebalance: ['Stable', 'CompletingRebalance', 'Empty'],
  CompletingRebalance: ['PreparingRebalance'],
  Stable: ['CompletingRebalance'],
  Dead: ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead'],
}

/** Something has lasted long enough. */
export type TimerEvent =
  /** A member, or an id that waits for its member, was silent. */
  | { readonly kind: 'session'; readonly memberId: string }
  /** The join phase; in the first one of an empty group, the delay and what is left for its extensions. */
  | { readonly kind: 'join' }
  | { readonly kind: 'initialJoin'; readonly delayMs: number; readonly leftMs: number }
  /** The time in which all members of the generation must sync. */
  | { readonly kind: 'sync'; readonly generation: number }

export class GroupState {
  readonly groupId: string
  readonly world: GroupWorld
  /** Where the group's timers lead. */
  readonly timerFired: (event: TimerEvent, nowMs: number) => Step
  phase: Phase = 'Empty'
  previousPhase: Phase = 'Dead'
  /** Wall clock of the last change of phase; -1: not known. */
  phaseSinceMs = -1
  protocolType: string | null = null
  /** Of the current generation. */
  protocol: string | null = null
  generation = 0
  /** Null exactly when there are no members. */
  leaderId: string | null = null
  members = new Members()
  /** Of all members of the generation; null: cannot be told. */
  subscribedTopics: ReadonlySet<string> | null = null
  /** A member has come while the first join phase of an empty group waits for more. */
  hasNewcomer = false
  /** A join has just made the group: its first record is still to be written. */
  isUnwritten: boolean
  /** What becomes of the state once the record of the last step is in the log; null: no record is on its way. */
  onAppended: (() => void) | null = null

  constructor(parts: {
    groupId: string
    world: GroupWorld
    isUnwritten: boolean
    timerFired: (event: TimerEvent, nowMs: number) => Step
  }) {
    this.groupId = parts.groupId
    this.world = parts.world
    this.isUnwritten = parts.isUnwritten
    this.timerFired = parts.timerFired
  }

  moveTo(phase: Phase, nowMs: number): void {
    assert(COMES_FROM[phase].includes(this.phase), `Group "${this.groupId}" does not go from ${this.phase} to ${phase}`)
    this.previousPhase = this.phase
    this.phase = phase
    this.phaseSinceMs = nowMs
  }

  /** The first member leads. */
  add(member: ClassicMember, protocolType: string): void {
    if (this.members.count === 0) this.protocolType = protocolType
    assert(this.protocolType === protocolType, `Group "${this.groupId}" has one protocol type`)
    this.members.add(member)
    this.leaderId ??= member.memberId
  }

  /** The one who joined first among the others leads after a leader. */
  remove(member: ClassicMember): void {
    this.members.remove(member)
    if (this.leaderId !== member.memberId) return
    const [next] = this.members.all()
    this.leaderId = next?.memberId ?? null
  }

  /** Under its new id the member keeps what it was, the lead included. */
  replace(member: ClassicMember, successor: ClassicMember): void {
    const leads = this.leaderId === member.memberId
    this.members.remove(member)
    this.members.add(successor)
    if (leads) this.leaderId = successor.memberId
  }

  /** Whether a member with these protocols could take part beside those who are there. */
  fits(protocolType: string, names: readonly string[]): boolean {
    if (this.phase === 'Empty') return protocolType !== '' && names.length > 0
    return this.protocolType === protocolType && this.members.commonWith(names)
  }

  /** Ends the join phase. */
  nextGeneration(nowMs: number): void {
    const members = [...this.members.all()]
    this.generation++
    this.protocol = members.length === 0 ? null : selectProtocol(members.map(({ terms }) => terms.protocols))
    this.subscribedTopics = subscribedTopicsOf(this)
    this.members.unsynced.clear()
    this.moveTo(members.length === 0 ? 'Empty' : 'CompletingRebalance', nowMs)
  }

  /** For tests: what must hold between any two events. */
  verify(): void {
    this.members.verify()
    const members = [...this.members.all()]
    const { phase, leaderId } = this
    assert(this.onAppended === null, 'No record is on its way between events')
    assert((leaderId === null) === (members.length === 0), 'A group with members has a leader')
    assert(leaderId === null || this.members.get(leaderId) !== undefined, 'The leader is a member')
    assert((phase !== 'Empty' && phase !== 'Dead') || members.length === 0, `${phase} has no members`)
    assert(phase === 'PreparingRebalance' || this.members.waitingCount === 0, `Nobody waits for a join in ${phase}`)
    const syncing = members.filter(({ waitingSync }) => waitingSync !== null)
    assert(phase === 'CompletingRebalance' || syncing.length === 0, `Nobody waits for a sync in ${phase}`)
    for (const { memberId } of syncing) assert(!this.members.unsynced.has(memberId), 'Who waits for a sync has synced')
    const settled = phase === 'CompletingRebalance' || phase === 'Stable'
    for (const { isNew, terms } of settled ? members : []) {
      assert(!isNew, `Nobody is new in ${phase}`)
      assert(
        terms.protocols.some(({ name }) => name === this.protocol),
        'All support the protocol of the generation',
      )
    }
  }
}
