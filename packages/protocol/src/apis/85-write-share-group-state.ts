/** WriteShareGroupState (85). Writes the stored state of share partitions. */
import { api } from '../codec.ts'
import { array, int8, int16, int32, int64, string, uuid } from '../types.ts'

export const WriteShareGroupState = api(85, 'WriteShareGroupState', {
  versions: [0, 1], flexible: 0, listeners: ['broker'],
}, {
  request: {
    groupId: string,
    topics:  array({
      topicId:    uuid,
      partitions: array({
        partition:             int32,
        stateEpoch:            int32,
        leaderEpoch:           int32,
        startOffset:           int64,
        deliveryCompleteCount: int32.since(1).default(-1).ignorable(),
        stateBatches:          array({
          firstOffset:   int64,
          lastOffset:    int64,
          deliveryState: int8,
          deliveryCount: int16,
        }),
      }),
    }),
  },
  response: {
    results: array({
      topicId:    uuid,
      partitions: array({
        partition:    int32,
        errorCode:    int16,
        errorMessage: string.nullable().default(null),
      }),
    }),
  },
})
