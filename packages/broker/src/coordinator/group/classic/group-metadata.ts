/**
 * A classic group as the log knows it: one record of type GroupMetadata holds all of it. Membership that is still being
 * negotiated is not in the log; after a fail-over the group is Stable in the last generation that was written, or Empty.
 */
import { assert } from '@ottla/base/assert.ts'
import type { CoordinatorRecord } from '../../machine.ts'
import { type GroupRecordValue, groupRecord } from '../group-records.ts'
import type { GroupState } from './group-state.ts'
import { type ClassicMember, type MemberTerms, metadataFor, newMember } from './member.ts'
import { Members } from './members.ts'
import { subscribedTopicsOf } from './subscriptions.ts'

/** Of whom, led by whom and with what the record tells; the rest is the group's. */
export interface Membership {
  readonly members: Iterable<ClassicMember>
  readonly leaderId: string | null
  assignmentOf(member: ClassicMember): Buffer
}

export function groupMetadataRecord(group: GroupState, membership: Membership): CoordinatorRecord {
  const rows = Array.from(membership.members, (member) => memberRow(member, group.protocol, membership))
  return groupRecord(
    'groupMetadata',
    { group: group.groupId },
    {
      protocolType: group.protocolType ?? '',
      generation: group.generation,
      protocol: group.protocol,
      leader: membership.leaderId,
      currentStateTimestamp: group.phaseSinceMs,
      members: rows,
    },
  )
}

/** Of a group that a join has just made: it was never in a generation, whoever is on the way to its first. */
export function newGroupRecord({ groupId, phaseSinceMs }: GroupState): CoordinatorRecord {
  const value = { protocolType: '', generation: 0, protocol: null, leader: null, members: [] }
  return groupRecord('groupMetadata', { group: groupId }, { ...value, currentStateTimestamp: phaseSinceMs })
}

/** Of a group whose last member has gone. */
export function emptyGroupRecord(group: GroupState): CoordinatorRecord {
  return groupMetadataRecord(group, { members: [], leaderId: null, assignmentOf: ({ assignment }) => assignment })
}

/** All that the group was before is forgotten; nobody waits in it. */
export function loadGroupMetadata(group: GroupState, value: GroupRecordValue<'groupMetadata'>): void {
  assert(group.members.waitingCount === 0, `Nobody waits in group "${group.groupId}" while it is loaded`)
  group.members = new Members()
  group.leaderId = null
  group.phase = value.members.length === 0 ? 'Empty' : 'Stable'
  group.previousPhase = 'Dead'
  group.phaseSinceMs = value.currentStateTimestamp
  group.generation = value.generation
  group.protocol = value.members.length === 0 ? value.protocol : (value.protocol ?? '')
  group.isUnwritten = false
  for (const row of value.members) group.add(memberOf(row, group.protocol ?? ''), value.protocolType)
  // An older broker may have written a leader who is gone: then the first member keeps the lead that it has got.
  if (value.leader !== null && group.members.get(value.leader) !== undefined) group.leaderId = value.leader
  group.protocolType = value.protocolType === '' ? null : value.protocolType
  group.subscribedTopics = subscribedTopicsOf(group)
}

type MemberRow = GroupRecordValue<'groupMetadata'>['members'][number]

function memberRow(member: ClassicMember, protocol: string | null, { assignmentOf }: Membership): MemberRow {
  const { memberId, groupInstanceId, clientId, clientHost, terms } = member
  const subscription = metadataFor(member, protocol)
  assert(subscription !== null, `Member "${memberId}" supports the protocol of its generation`)
  return {
    ...{ memberId, groupInstanceId, clientId, clientHost, subscription, assignment: assignmentOf(member) },
    ...{ rebalanceTimeout: terms.rebalanceTimeoutMs, sessionTimeout: terms.sessionTimeoutMs },
  }
}

/** Of the protocols that the member listed only the one in use was written. */
function memberOf(row: MemberRow, protocol: string): ClassicMember {
  const terms: MemberTerms = {
    rebalanceTimeoutMs: row.rebalanceTimeout === -1 ? row.sessionTimeout : row.rebalanceTimeout,
    sessionTimeoutMs: row.sessionTimeout,
    protocols: [{ name: protocol, metadata: row.subscription }],
  }
  return newMember(row, { terms, assignment: row.assignment })
}
