/** DescribeProducers (61). Lists the producers that a partition knows. */
import { api } from '../codec.ts'
import { array, int16, int32, int64, int64Saturating, string } from '../types.ts'

export const DescribeProducers = api(61, 'DescribeProducers', {
  versions: [0, 0], flexible: 0, listeners: ['broker'],
}, {
  request: {
    topics: array({ name: string, partitionIndexes: array(int32) }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics:         array({
      name:       string,
      partitions: array({
        partitionIndex:  int32,
        errorCode:       int16,
        errorMessage:    string.nullable().default(null),
        activeProducers: array({
          producerId:            int64,
          producerEpoch:         int32,
          lastSequence:          int32.default(-1),
          lastTimestamp:         int64Saturating.default(-1),
          coordinatorEpoch:      int32,
          currentTxnStartOffset: int64.default(-1),
        }),
      }),
    }),
  },
})
