/** ShareGroupHeartbeat (76). The heartbeat of the share group protocol (KIP-932). */
import { api } from '../codec.ts'
import { array, int16, int32, string, struct, uuid } from '../types.ts'

const topicPartitions = { topicId: uuid, partitions: array(int32) }

export const ShareGroupHeartbeat = api(76, 'ShareGroupHeartbeat', {
  versions: [1, 1], flexible: 0, listeners: ['broker'],
}, {
  request: {
    groupId:              string,
    memberId:             string,
    memberEpoch:          int32,
    rackId:               string.nullable().default(null),
    subscribedTopicNames: array(string).nullable().default(null),
  },
  response: {
    throttleTimeMs:      int32.default(0),
    errorCode:           int16,
    errorMessage:        string.nullable().default(null),
    memberId:            string.nullable().default(null),
    memberEpoch:         int32,
    heartbeatIntervalMs: int32,
    assignment:          struct({ topicPartitions: array(topicPartitions) }).nullable().default(null),
  },
})
