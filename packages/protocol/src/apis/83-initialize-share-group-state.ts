/** InitializeShareGroupState (83). Initializes the stored state of share partitions. */
import { api } from '../codec.ts'
import { array, int16, int32, int64, string, uuid } from '../types.ts'

export const InitializeShareGroupState = api(83, 'InitializeShareGroupState', {
  versions: [0, 0], flexible: 0, listeners: ['broker'],
}, {
  request: {
    groupId: string,
    topics:  array({
      topicId:    uuid,
      partitions: array({ partition: int32, stateEpoch: int32, startOffset: int64 }),
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
