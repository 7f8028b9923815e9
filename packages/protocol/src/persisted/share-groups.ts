/**
 * Records of `__consumer_offsets`: share groups (types 10 to 15).
 * Key: int16 `type`, then the key message in version 0. Value: int16 version, then the value message; none is a
 * tombstone.
 */
import { data } from '../codec.ts'
import { array, bigint64, int8, int32, string, uuid } from '../types.ts'

const topicPartitions = { topicId: uuid, partitions: array(int32) }

const topicPartitionsInfo = { topicId: uuid, topicName: string, partitions: array(int32) }

const topicInfo = { topicId: uuid, topicName: string }

export const ShareGroupMemberMetadataKey = data('ShareGroupMemberMetadataKey', { versions: [0, 0], type: 10 }, {
  groupId:  string,
  memberId: string,
})

export const ShareGroupMemberMetadataValue = data(
  'ShareGroupMemberMetadataValue', { versions: [0, 0], flexible: 0, type: 10 }, {
  rackId:               string.nullable(),
  clientId:             string,
  clientHost:           string,
  subscribedTopicNames: array(string),
})

export const ShareGroupMetadataKey = data('ShareGroupMetadataKey', { versions: [0, 0], type: 11 }, {
  groupId: string,
})

export const ShareGroupMetadataValue = data('ShareGroupMetadataValue', { versions: [0, 0], flexible: 0, type: 11 }, {
  epoch:        int32,
  metadataHash: bigint64,
})

export const ShareGroupTargetAssignmentMetadataKey = data(
  'ShareGroupTargetAssignmentMetadataKey', { versions: [0, 0], type: 12 }, {
  groupId: string,
})

export const ShareGroupTargetAssignmentMetadataValue = data(
  'ShareGroupTargetAssignmentMetadataValue', { versions: [0, 0], flexible: 0, type: 12 }, {
  assignmentEpoch: int32,
})

export const ShareGroupTargetAssignmentMemberKey = data(
  'ShareGroupTargetAssignmentMemberKey', { versions: [0, 0], type: 13 }, {
  groupId:  string,
  memberId: string,
})

export const ShareGroupTargetAssignmentMemberValue = data(
  'ShareGroupTargetAssignmentMemberValue', { versions: [0, 0], flexible: 0, type: 13 }, {
  topicPartitions: array({ topicId: uuid, partitions: array(int32) }),
})

export const ShareGroupCurrentMemberAssignmentKey = data(
  'ShareGroupCurrentMemberAssignmentKey', { versions: [0, 0], type: 14 }, {
  groupId:  string,
  memberId: string,
})

export const ShareGroupCurrentMemberAssignmentValue = data(
  'ShareGroupCurrentMemberAssignmentValue', { versions: [0, 0], flexible: 0, type: 14 }, {
  memberEpoch:         int32,
  previousMemberEpoch: int32,
  state:               int8,
  assignedPartitions:  array(topicPartitions),
})

export const ShareGroupStatePartitionMetadataKey = data(
  'ShareGroupStatePartitionMetadataKey', { versions: [0, 0], type: 15 }, {
  groupId: string,
})

export const ShareGroupStatePartitionMetadataValue = data(
  'ShareGroupStatePartitionMetadataValue', { versions: [0, 0], flexible: 0, type: 15 }, {
  initializingTopics: array(topicPartitionsInfo),
  initializedTopics:  array(topicPartitionsInfo),
  deletingTopics:     array(topicInfo),
})
