/**
 * One member of a classic group: who it is, what it supports, what it was assigned, and the tickets with which it waits
 * for the end of a join or a sync. `members.ts` counts over all of them, so what is counted changes there alone.
 */
import type { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import type { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import type { ResponseInputOf } from '@ottla/protocol/codec.ts'
import type { Ticket } from '../../machine.ts'

export type JoinReply = ResponseInputOf<typeof JoinGroup>
export type SyncReply = ResponseInputOf<typeof SyncGroup>

/** An assignor, or whatever the protocol type makes of the name, with what the member tells the leader for it. */
export interface MemberProtocol {
  readonly name: string
  readonly metadata: Buffer
}

/** A parked JoinGroup. The version decides on the form of its reply. */
export interface WaitingJoin {
  readonly ticket: Ticket<JoinReply>
  readonly apiVersion: number
}

export interface MemberIdentity {
  readonly memberId: string
  /** Null: a dynamic member. */
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
}

/** What each JoinGroup of a member may change. */
export interface MemberTerms {
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** In the member's order of preference, no name twice. */
  readonly protocols: readonly MemberProtocol[]
}

export interface ClassicMember extends MemberIdentity {
  terms: MemberTerms
  /** Empty until a leader has assigned something. Never a view of a request. */
  assignment: Buffer
  /** Has never seen the end of a join phase; until then it cannot send heartbeats, but may be expired. */
  isNew: boolean
  /** Changes through `Members.park` and `Members.unpark` alone, which count the waiting. */
  waitingJoin: WaitingJoin | null
  waitingSync: Ticket<SyncReply> | null
}

export const NO_BYTES = Buffer.alloc(0)

export function newMember(
  identity: MemberIdentity,
  parts: { terms: MemberTerms; assignment?: Buffer; isNew?: boolean },
): ClassicMember {
  const { terms, assignment = NO_BYTES, isNew = false } = parts
  const { memberId, groupInstanceId, clientId, clientHost } = identity
  return {
    ...{ memberId, groupInstanceId, clientId, clientHost, terms, assignment, isNew },
    ...{ waitingJoin: null, waitingSync: null },
  }
}

/** Whether the silence of the member is its waiting for us. A new member may be expired even so. */
export function mayBeSilent(member: ClassicMember): boolean {
  return !member.isNew && (member.waitingJoin !== null || member.waitingSync !== null)
}

/** Same names in the same order, with the same bytes. */
export function sameProtocols(left: readonly MemberProtocol[], right: readonly MemberProtocol[]): boolean {
  if (left.length !== right.length) return false
  return left.every(({ name, metadata }, index) => {
    const other = right[index]!
    return name === other.name && metadata.equals(other.metadata)
  })
}

/** Null when the member does not support the protocol. */
export function metadataFor(member: ClassicMember, protocol: string | null): Buffer | null {
  return member.terms.protocols.find(({ name }) => name === protocol)?.metadata ?? null
}

/** Of memory of its own: neither a request's buffer nor one of Node's shared slabs, which small copies would pin. */
export function ownCopy(bytes: Buffer): Buffer {
  if (bytes.length === 0) return NO_BYTES
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
