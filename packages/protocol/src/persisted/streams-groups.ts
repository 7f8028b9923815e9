/**
 * Records of `__consumer_offsets`: streams groups (types 17 to 23).
 * Key: int16 `type`, then the key message in version 0. Value: int16 version, then the value message; none is a
 * tombstone.
 */
import { data } from '../codec.ts'
import { array, bigint64, int8, int16, int32, string, struct, uint16 } from '../types.ts'

const lastAssignmentConfig = { key: string, value: string }

const endpoint = { host: string, port: uint16 }

const taskIds = { subtopologyId: string, partitions: array(int32) }

const streamsGroupCurrentMemberAssignmentValueTaskIds = {
  subtopologyId:    string,
  partitions:       array(int32),
  assignmentEpochs: array(int32).nullable().tag(0, 0),
}

const topicInfo = {
  name:              string,
  partitions:        int32,
  replicationFactor: int16,
  topicConfigs:      array(lastAssignmentConfig),
}

export const StreamsGroupMetadataKey = data('StreamsGroupMetadataKey', { versions: [0, 0], type: 17 }, {
  groupId: string,
})

export const StreamsGroupMetadataValue = data(
  'StreamsGroupMetadataValue', { versions: [0, 0], flexible: 0, type: 17 }, {
  epoch:                  int32,
  metadataHash:           bigint64,
  validatedTopologyEpoch: int32.tag(0, 0).default(-1),
  lastAssignmentConfigs:  array(lastAssignmentConfig).nullable().tag(1, 0),
})

export const StreamsGroupMemberMetadataKey = data('StreamsGroupMemberMetadataKey', { versions: [0, 0], type: 19 }, {
  groupId:  string,
  memberId: string,
})

export const StreamsGroupMemberMetadataValue = data(
  'StreamsGroupMemberMetadataValue', { versions: [0, 0], flexible: 0, type: 19 }, {
  instanceId:         string.nullable(),
  rackId:             string.nullable(),
  clientId:           string,
  clientHost:         string,
  rebalanceTimeoutMs: int32.default(-1),
  topologyEpoch:      int32,
  processId:          string,
  userEndpoint:       struct(endpoint).nullable().default(null),
  clientTags:         array(lastAssignmentConfig),
})

export const StreamsGroupTargetAssignmentMetadataKey = data(
  'StreamsGroupTargetAssignmentMetadataKey', { versions: [0, 0], type: 20 }, {
  groupId: string,
})

export const StreamsGroupTargetAssignmentMetadataValue = data(
  'StreamsGroupTargetAssignmentMetadataValue', { versions: [0, 0], flexible: 0, type: 20 }, {
  assignmentEpoch: int32,
})

export const StreamsGroupTargetAssignmentMemberKey = data(
  'StreamsGroupTargetAssignmentMemberKey', { versions: [0, 0], type: 21 }, {
  groupId:  string,
  memberId: string,
})

export const StreamsGroupTargetAssignmentMemberValue = data(
  'StreamsGroupTargetAssignmentMemberValue', { versions: [0, 0], flexible: 0, type: 21 }, {
  activeTasks:  array(taskIds),
  standbyTasks: array(taskIds),
  warmupTasks:  array(taskIds),
})

export const StreamsGroupCurrentMemberAssignmentKey = data(
  'StreamsGroupCurrentMemberAssignmentKey', { versions: [0, 0], type: 22 }, {
  groupId:  string,
  memberId: string,
})

export const StreamsGroupCurrentMemberAssignmentValue = data(
  'StreamsGroupCurrentMemberAssignmentValue', { versions: [0, 0], flexible: 0, type: 22 }, {
  memberEpoch:                   int32,
  previousMemberEpoch:           int32,
  state:                         int8,
  activeTasks:                   array(streamsGroupCurrentMemberAssignmentValueTaskIds),
  standbyTasks:                  array(streamsGroupCurrentMemberAssignmentValueTaskIds),
  warmupTasks:                   array(streamsGroupCurrentMemberAssignmentValueTaskIds),
  activeTasksPendingRevocation:  array(streamsGroupCurrentMemberAssignmentValueTaskIds),
  standbyTasksPendingRevocation: array(streamsGroupCurrentMemberAssignmentValueTaskIds),
  warmupTasksPendingRevocation:  array(streamsGroupCurrentMemberAssignmentValueTaskIds),
})

export const StreamsGroupTopologyKey = data('StreamsGroupTopologyKey', { versions: [0, 0], type: 23 }, {
  groupId: string,
})

export const StreamsGroupTopologyValue = data(
  'StreamsGroupTopologyValue', { versions: [0, 0], flexible: 0, type: 23 }, {
  epoch:         int32,
  subtopologies: array({
    subtopologyId:           string,
    sourceTopics:            array(string),
    sourceTopicRegex:        array(string),
    stateChangelogTopics:    array(topicInfo),
    repartitionSinkTopics:   array(string),
    repartitionSourceTopics: array(topicInfo),
    copartitionGroups:       array({
      sourceTopics:            array(int16),
      sourceTopicRegex:        array(int16),
      repartitionSourceTopics: array(int16),
    }),
  }),
})
