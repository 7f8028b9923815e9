/** ReadShareGroupState (84). Reads the stored state of share partitions. */
import { api } from '../codec.ts'
import { array, int8, int16, int32, int64, string, uuid } from '../types.ts'

export const ReadShareGroupState = api(84, 'ReadShareGroupState', {
  versions: [0, 0], flexible: 0, listeners: ['broker'],
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
        partition:    int32,
        errorCode:    int16,
        errorMessage: string.nullable().default(null),
        stateEpoch:   int32,
        startOffset:  int64,
        stateBatches: array({
          firstOffset:   int64,
          lastOffset:    int64,
          deliveryState: int8,
          deliveryCount: int16,
        }),
      }),
    }),
  },
})
