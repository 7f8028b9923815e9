/** ElectLeaders (43). Elects partition leaders, preferred or unclean. */
import { api } from '../codec.ts'
import { array, int8, int16, int32, string } from '../types.ts'

export const ElectLeaders = api(43, 'ElectLeaders', {
  versions: [0, 2], flexible: 2, listeners: ['broker', 'controller'],
}, {
  request: {
    electionType:    int8.since(1).default(0),
    topicPartitions: array({ topic: string, partitions: array(int32) }).nullable(),
    timeoutMs:       int32.default(60000),
  },
  response: {
    throttleTimeMs:         int32.default(0),
    errorCode:              int16.since(1).default(0),
    replicaElectionResults: array({
      topic:           string,
      partitionResult: array({ partitionId: int32, errorCode: int16, errorMessage: string.nullable() }),
    }),
  },
})
