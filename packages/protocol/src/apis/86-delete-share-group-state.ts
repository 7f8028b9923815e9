/** DeleteShareGroupState (86). Deletes the stored state of share partitions. */
import { api } from '../codec.ts'
import { array, int16, int32, string, uuid } from '../types.ts'

export const DeleteShareGroupState = api(86, 'DeleteShareGroupState', {
  versions: [0, 0], flexible: 0, listeners: ['broker'],
}, {
  request: {
    groupId: string,
    topics:  array({
      topicId:    uuid,
      partitions: array({ partition: int32 }),
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
