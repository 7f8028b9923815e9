/** AlterPartition (56). A partition leader asks the controller for a new in-sync set (KIP-497). */
import { api } from '../codec.ts'
import { array, int8, int16, int32, int64, uuid } from '../types.ts'

export const AlterPartition = api(56, 'AlterPartition', { versions: [2, 3], flexible: 0, listeners: ['controller'] }, {
  request: {
    brokerId:    int32,
    brokerEpoch: int64.default(-1),
    topics:      array({
      topicId:    uuid.ignorable(),
      partitions: array({
        partitionIndex:      int32,
        leaderEpoch:         int32,
        newIsr:              array(int32).until(2).default([]),
        newIsrWithEpochs:    array({ brokerId: int32, brokerEpoch: int64.default(-1) }).since(3).default([]),
        leaderRecoveryState: int8.default(0),
        partitionEpoch:      int32,
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    topics:         array({
      topicId:    uuid.ignorable(),
      partitions: array({
        partitionIndex:      int32,
        errorCode:           int16,
        leaderId:            int32,
        leaderEpoch:         int32,
        isr:                 array(int32),
        leaderRecoveryState: int8.default(0).ignorable(),
        partitionEpoch:      int32,
      }),
    }),
  },
})
