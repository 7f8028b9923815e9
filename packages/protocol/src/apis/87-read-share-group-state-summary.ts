/** ReadShareGroupStateSummary (87). Reads a summary of the stored state of share partitions. */
import { api } from '../codec.ts'
import { array, int16, int32, int64, string, uuid } from '../types.ts'

export const ReadShareGroupStateSummary = api(87, 'ReadShareGroupStateSummary', {
  versions: [0, 1], flexible: 0, listeners: ['broker'],
}, {
  request: {
    groupId: string,
    topics:  array({
      topicId:    uuid,
      partitions: array({ partition: int32, leaderEpoch: int32 }),
    }),
  },
  response: {
    results: array({
      topicId:    uuid,
      partitions: array({
        partition:             int32,
        errorCode:             int16,
        errorMessage:          string.nullable().default(null),
        stateEpoch:            int32,
        leaderEpoch:           int32,
        startOffset:           int64,
        deliveryCompleteCount: int32.since(1).default(-1).ignorable(),
      }),
    }),
  },
})
