/** EndQuorumEpoch (54). A KRaft leader resigns. */
import { api } from '../codec.ts'
import { array, int16, int32, string, uint16, uuid } from '../types.ts'

export const EndQuorumEpoch = api(54, 'EndQuorumEpoch', { versions: [0, 1], flexible: 1, listeners: ['controller'] }, {
  request: {
    clusterId:       string.nullable().default(null),
    topics:          array({
      topicName:  string,
      partitions: array({
        partitionIndex:      int32,
        leaderId:            int32,
        leaderEpoch:         int32,
        preferredSuccessors: array(int32).until(0).default([]).ignorable(),
        preferredCandidates: array({
          candidateId:          int32,
          candidateDirectoryId: uuid,
        }).since(1).default([]).ignorable(),
      }),
    }),
    leaderEndpoints: array({ name: string, host: string, port: uint16 }).since(1).default([]).ignorable(),
  },
  response: {
    errorCode:     int16,
    topics:        array({
      topicName:  string,
      partitions: array({
        partitionIndex: int32,
        errorCode:      int16,
        leaderId:       int32,
        leaderEpoch:    int32,
      }),
    }),
    nodeEndpoints: array({ nodeId: int32, host: string, port: uint16 }).tag(0, 1),
  },
})
