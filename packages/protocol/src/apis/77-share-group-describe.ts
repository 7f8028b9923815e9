/** ShareGroupDescribe (77). Describes share groups. */
import { api } from '../codec.ts'
import { array, bool, int16, int32, string, struct, uuid } from '../types.ts'

const topicPartitions = { topicId: uuid, topicName: string, partitions: array(int32) }

const assignment = { topicPartitions: array(topicPartitions) }

export const ShareGroupDescribe = api(77, 'ShareGroupDescribe', {
  versions: [1, 1], flexible: 0, listeners: ['broker'],
}, {
  request: {
    groupIds:                    array(string),
    includeAuthorizedOperations: bool,
  },
  response: {
    throttleTimeMs: int32.default(0),
    groups:         array({
      errorCode:            int16,
      errorMessage:         string.nullable().default(null),
      groupId:              string,
      groupState:           string,
      groupEpoch:           int32,
      assignmentEpoch:      int32,
      assignorName:         string,
      members:              array({
        memberId:             string,
        rackId:               string.nullable().default(null),
        memberEpoch:          int32,
        clientId:             string,
        clientHost:           string,
        subscribedTopicNames: array(string),
        assignment:           struct(assignment),
      }),
      authorizedOperations: int32.default(-2147483648),
    }),
  },
})
