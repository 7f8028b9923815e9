/**
 * ConsumerGroupHeartbeat (68). The one request of the consumer group protocol (KIP-848): join, stay, leave, be
 * assigned.
 */
import { api } from '../codec.ts'
import { array, int16, int32, string, struct, uuid } from '../types.ts'

const topicPartitions = { topicId: uuid, partitions: array(int32) }

export const ConsumerGroupHeartbeat = api(68, 'ConsumerGroupHeartbeat', {
  versions: [0, 1], flexible: 0, listeners: ['broker'],
}, {
  request: {
    groupId:              string,
    memberId:             string,
    memberEpoch:          int32,
    instanceId:           string.nullable().default(null),
    rackId:               string.nullable().default(null),
    rebalanceTimeoutMs:   int32.default(-1),
    subscribedTopicNames: array(string).nullable().default(null),
    subscribedTopicRegex: string.since(1).nullable().default(null),
    serverAssignor:       string.nullable().default(null),
    topicPartitions:      array({ topicId: uuid, partitions: array(int32) }).nullable().default(null),
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
