/**
 * Records of `__consumer_offsets`: groups of the consumer protocol (types 3 to 8 and 16).
 * Key: int16 `type`, then the key message in version 0. Value: int16 version, then the value message; none is a
 * tombstone.
 */
import { data } from '../codec.ts'
import { array, bigint64, bytes, int8, int32, int64, string, struct, uuid } from '../types.ts'

const topicPartitions = { topicId: uuid, partitions: array(int32) }

export const ConsumerGroupMetadataKey = data('ConsumerGroupMetadataKey', { versions: [0, 0], type: 3 }, {
  groupId: string,
})

export const ConsumerGroupMetadataValue = data(
  'ConsumerGroupMetadataValue', { versions: [0, 0], flexible: 0, type: 3 }, {
  epoch:        int32,
  metadataHash: bigint64.tag(0, 0).default(0n),
})

export const ConsumerGroupPartitionMetadataKey = data(
  'ConsumerGroupPartitionMetadataKey', { versions: [0, 0], type: 4 }, {
  groupId: string,
})

export const ConsumerGroupPartitionMetadataValue = data(
  'ConsumerGroupPartitionMetadataValue', { versions: [0, 0], flexible: 0, type: 4 }, {
  topics: array({
    topicId:           uuid,
    topicName:         string,
    numPartitions:     int32,
    partitionMetadata: array({ partition: int32, racks: array(string) }),
  }),
})

export const ConsumerGroupMemberMetadataKey = data('ConsumerGroupMemberMetadataKey', { versions: [0, 0], type: 5 }, {
  groupId:  string,
  memberId: string,
})

export const ConsumerGroupMemberMetadataValue = data(
  'ConsumerGroupMemberMetadataValue', { versions: [0, 0], flexible: 0, type: 5 }, {
  instanceId:            string.nullable(),
  rackId:                string.nullable(),
  clientId:              string,
  clientHost:            string,
  subscribedTopicNames:  array(string),
  subscribedTopicRegex:  string.nullable(),
  rebalanceTimeoutMs:    int32.default(-1),
  serverAssignor:        string.nullable(),
  classicMemberMetadata: struct({
    sessionTimeoutMs:   int32,
    supportedProtocols: array({ name: string, metadata: bytes }),
  }).nullable().tag(0, 0),
})

export const ConsumerGroupTargetAssignmentMetadataKey = data(
  'ConsumerGroupTargetAssignmentMetadataKey', { versions: [0, 0], type: 6 }, {
  groupId: string,
})

export const ConsumerGroupTargetAssignmentMetadataValue = data(
  'ConsumerGroupTargetAssignmentMetadataValue', { versions: [0, 0], flexible: 0, type: 6 }, {
  assignmentEpoch: int32,
})

export const ConsumerGroupTargetAssignmentMemberKey = data(
  'ConsumerGroupTargetAssignmentMemberKey', { versions: [0, 0], type: 7 }, {
  groupId:  string,
  memberId: string,
})

export const ConsumerGroupTargetAssignmentMemberValue = data(
  'ConsumerGroupTargetAssignmentMemberValue', { versions: [0, 0], flexible: 0, type: 7 }, {
  topicPartitions: array({ topicId: uuid, partitions: array(int32) }),
})

export const ConsumerGroupCurrentMemberAssignmentKey = data(
  'ConsumerGroupCurrentMemberAssignmentKey', { versions: [0, 0], type: 8 }, {
  groupId:  string,
  memberId: string,
})

export const ConsumerGroupCurrentMemberAssignmentValue = data(
  'ConsumerGroupCurrentMemberAssignmentValue', { versions: [0, 0], flexible: 0, type: 8 }, {
  memberEpoch:                 int32,
  previousMemberEpoch:         int32,
  state:                       int8,
  assignedPartitions:          array(topicPartitions),
  partitionsPendingRevocation: array(topicPartitions),
})

export const ConsumerGroupRegularExpressionKey = data(
  'ConsumerGroupRegularExpressionKey', { versions: [0, 0], type: 16 }, {
  groupId:           string,
  regularExpression: string,
})

export const ConsumerGroupRegularExpressionValue = data(
  'ConsumerGroupRegularExpressionValue', { versions: [0, 0], flexible: 0, type: 16 }, {
  topics:    array(string),
  version:   int64,
  timestamp: int64,
})
