/** What removes a whole consumer group from the log. */
import type { CoordinatorRecord } from '../../machine.ts'
import { groupTombstone } from '../group-records.ts'
import type { GroupState } from './group-state.ts'

/** Members first and the group last: whoever reads a part of it never finds members without their group. */
export function groupTombstones({ groupId, members, targets, resolved }: GroupState): CoordinatorRecord[] {
  const memberIds = [...members.keys()]
  const targetIds = new Set([...memberIds, ...targets.keys()])
  return [
    ...memberIds.map((memberId) => groupTombstone('consumerGroupCurrentMemberAssignment', { groupId, memberId })),
    ...[...targetIds].map((memberId) => groupTombstone('consumerGroupTargetAssignmentMember', { groupId, memberId })),
    groupTombstone('consumerGroupTargetAssignmentMetadata', { groupId }),
    ...memberIds.map((memberId) => groupTombstone('consumerGroupMemberMetadata', { groupId, memberId })),
    ...Array.from(resolved.keys(), (regularExpression) =>
      groupTombstone('consumerGroupRegularExpression', { groupId, regularExpression }),
    ),
    groupTombstone('consumerGroupMetadata', { groupId }),
  ]
}
