/**
 * The members of a classic group in the order in which they joined, and everything that is counted over them, so that
 * no join or sync costs more with more members. Also the ids that were handed out and are expected back (KIP-394), and
 * who has not synced yet.
 */
import { assert } from '@ottla/base/assert.ts'
import type { ErrorName } from '@ottla/protocol/errors.ts'
import type { ClassicMember, MemberTerms, WaitingJoin } from './member.ts'
import { ProtocolSupport } from './protocol-selection.ts'

export class Members {
  readonly #byId = new Map<string, ClassicMember>()
  readonly #idByInstance = new Map<string, string>()
  readonly #support = new ProtocolSupport()
  #waitingCount = 0
  /** Ids given with MEMBER_ID_REQUIRED that have not come back. A join phase waits for them. */
  readonly pending = new Set<string>()
  /** Members of the generation that have not asked for their assignment. */
  readonly unsynced = new Set<string>()

  get count(): number {
    return this.#byId.size
  }

  /** Members with a parked JoinGroup. */
  get waitingCount(): number {
    return this.#waitingCount
  }

  all(): IterableIterator<ClassicMember> {
    return this.#byId.values()
  }

  get(memberId: string): ClassicMember | undefined {
    return this.#byId.get(memberId)
  }

  idOfInstance(groupInstanceId: string): string | undefined {
    return this.#idByInstance.get(groupInstanceId)
  }

  /** What a request must show of its member; null when all is well. */
  check(memberId: string, groupInstanceId: string | null): ErrorName | null {
    if (groupInstanceId !== null) {
      const holder = this.#idByInstance.get(groupInstanceId)
      if (holder === undefined) return 'UNKNOWN_MEMBER_ID'
      if (holder !== memberId) return 'FENCED_INSTANCE_ID'
    }
    return this.#byId.has(memberId) ? null : 'UNKNOWN_MEMBER_ID'
  }

  add(member: ClassicMember): void {
    const { memberId, groupInstanceId } = member
    assert(!this.#byId.has(memberId), `Member "${memberId}" is added once`)
    assert(member.waitingJoin === null, 'A member is added before it waits')
    if (groupInstanceId !== null) {
      assert(!this.#idByInstance.has(groupInstanceId), `Instance "${groupInstanceId}" has one member`)
      this.#idByInstance.set(groupInstanceId, memberId)
    }
    this.#byId.set(memberId, member)
    this.#support.add(member.terms.protocols)
    this.pending.delete(memberId)
  }

  /** Whoever waits for the member must have been answered. */
  remove(member: ClassicMember): void {
    assert(member.waitingJoin === null && member.waitingSync === null, 'No ticket leaves with its member')
    const removed = this.#byId.delete(member.memberId)
    assert(removed, `Member "${member.memberId}" is in the group`)
    this.#support.remove(member.terms.protocols)
    if (member.groupInstanceId !== null) this.#idByInstance.delete(member.groupInstanceId)
    this.unsynced.delete(member.memberId)
  }

  changeTerms(member: ClassicMember, terms: MemberTerms): void {
    this.#support.remove(member.terms.protocols)
    this.#support.add(terms.protocols)
    member.terms = terms
  }

  /** Returns the JoinGroup that waited before, which somebody must answer. */
  park(member: ClassicMember, waiting: WaitingJoin): WaitingJoin | null {
    const before = this.unpark(member)
    member.waitingJoin = waiting
    this.#waitingCount++
    return before
  }

  unpark(member: ClassicMember): WaitingJoin | null {
    const { waitingJoin } = member
    if (waitingJoin === null) return null
    member.waitingJoin = null
    this.#waitingCount--
    return waitingJoin
  }

  allJoined(): boolean {
    return this.#waitingCount === this.count && this.pending.size === 0
  }

  /** Whether one of the protocols is supported by every member; without members any is. */
  commonWith(names: Iterable<string>): boolean {
    for (const name of names) if (this.#support.of(name) === this.count) return true
    return false
  }

  /** A join phase lasts as long as its slowest member may take. */
  rebalanceTimeoutMs(): number {
    let longestMs = 0
    for (const { terms } of this.#byId.values()) longestMs = Math.max(longestMs, terms.rebalanceTimeoutMs)
    return longestMs
  }

  /** For tests: every count against the members themselves. */
  verify(): void {
    const members = [...this.#byId.values()]
    const waiting = members.filter(({ waitingJoin }) => waitingJoin !== null)
    assert(waiting.length === this.#waitingCount, 'The waiting are counted')
    const names = new Set(members.flatMap(({ terms }) => terms.protocols.map(({ name }) => name)))
    assert(names.size === this.#support.size, 'Only protocols of members are counted')
    for (const name of names) {
      const supporters = members.filter(({ terms }) => terms.protocols.some((protocol) => protocol.name === name))
      assert(supporters.length === this.#support.of(name), `The supporters of "${name}" are counted`)
    }
    const statics = members.filter(({ groupInstanceId }) => groupInstanceId !== null)
    assert(statics.length === this.#idByInstance.size, 'Each instance id has a member')
    for (const { memberId, groupInstanceId } of statics) {
      assert(this.#idByInstance.get(groupInstanceId!) === memberId, `Instance "${groupInstanceId}" leads to its member`)
    }
    for (const memberId of this.unsynced) assert(this.#byId.has(memberId), 'Only members are expected to sync')
    for (const memberId of this.pending) assert(!this.#byId.has(memberId), 'A member is not pending any more')
  }
}
