/** A classic group as DescribeGroups shows it. */
import type { DescribeGroups } from '@ottla/protocol/apis/15-describe-groups.ts'
import type { ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import type { GroupState } from './group-state.ts'
import { metadataFor, NO_BYTES } from './member.ts'

/** Without the operations that the caller is authorized to, which the handler adds. */
export type DescribedGroup = ResponseInputOf<typeof DescribeGroups>['groups'][number]

/** While a group rebalances its protocol is on its way out, and is not shown; what members were assigned they still have. */
export function describeGroup(group: GroupState): DescribedGroup {
  const isStable = group.phase === 'Stable'
  const members = Array.from(group.members.all(), (member) => {
    const { memberId, groupInstanceId, clientId, clientHost, assignment } = member
    const memberMetadata = (isStable ? metadataFor(member, group.protocol) : null) ?? NO_BYTES
    return { memberId, groupInstanceId, clientId, clientHost, memberMetadata, memberAssignment: assignment }
  })
  return {
    ...{ errorCode: errorCode('NONE'), groupId: group.groupId, groupState: group.phase },
    ...{ protocolType: group.protocolType ?? '', protocolData: isStable ? (group.protocol ?? '') : '', members },
  }
}
