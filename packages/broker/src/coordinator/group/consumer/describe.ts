/** A consumer group as ConsumerGroupDescribe shows it, and the state that its epochs and members make. */
import type { ConsumerGroupDescribe } from '@ottla/protocol/apis/69-consumer-group-describe.ts'
import type { ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import type { MetadataImage } from '../../../metadata/image.ts'
import { type TopicPartitions, toList } from '../assignors/topic-partitions.ts'
import type { GroupState } from './group-state.ts'
import type { Member } from './member.ts'
import type { Scope } from './scope.ts'
import { preferredAssignor } from './target.ts'

/** Without the operations that the caller is authorized to, which the handler adds. */
export type DescribedConsumerGroup = ResponseInputOf<typeof ConsumerGroupDescribe>['groups'][number]
type DescribedMember = DescribedConsumerGroup['members'][number]

/** Kafka's names. */
export type ConsumerGroupPhase = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable'

export function phaseOf({ members, groupEpoch, assignmentEpoch }: GroupState): ConsumerGroupPhase {
  if (members.size === 0) return 'Empty'
  if (groupEpoch > assignmentEpoch) return 'Assigning'
  const isSettled = members.values().every(({ state, epoch }) => state === 'stable' && epoch === assignmentEpoch)
  return isSettled ? 'Stable' : 'Reconciling'
}

export function describeConsumerGroup({ state, world, settings }: Scope): DescribedConsumerGroup {
  const image = world.image()
  return {
    ...{ errorCode: errorCode('NONE'), groupId: state.groupId, groupState: phaseOf(state) },
    ...{ groupEpoch: state.groupEpoch, assignmentEpoch: state.assignmentEpoch },
    assignorName: preferredAssignor(state.assignorVotes, settings().consumerAssignors),
    members: Array.from(state.members.values(), (member) => describedMember(state, member, image)),
  }
}

const CLASSIC = 0
const CONSUMER = 1

function describedMember(state: GroupState, member: Member, image: MetadataImage): DescribedMember {
  const { memberId, instanceId, rackId, clientId, clientHost, subscription } = member
  return {
    ...{ memberId, instanceId, rackId, memberEpoch: member.epoch, clientId, clientHost },
    ...{ subscribedTopicNames: [...subscription.names], subscribedTopicRegex: subscription.regex },
    assignment: described(member.assigned, image),
    targetAssignment: described(state.targetOf(memberId), image),
    memberType: member.classic === null ? CONSUMER : CLASSIC,
  }
}

/** Topics that were deleted since are left out: they have no name to be shown by. */
function described(all: TopicPartitions, image: MetadataImage): DescribedMember['assignment'] {
  const topicPartitions = toList(all).flatMap(({ topicId, partitions }) => {
    const topicName = image.topicsById.get(topicId)?.name
    return topicName === undefined ? [] : [{ topicId, topicName, partitions }]
  })
  return { topicPartitions }
}
