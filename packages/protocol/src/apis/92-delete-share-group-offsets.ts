/** DeleteShareGroupOffsets (92). Deletes the offsets of share groups. */
import { api } from '../codec.ts'
import { array, int16, int32, string, uuid } from '../types.ts'

export const DeleteShareGroupOffsets = api(92, 'DeleteShareGroupOffsets', {
  versions: [0, 0], flexible: 0, listeners: ['broker'],
}, {
  request: {
    groupId: string,
    topics:  array({ topicName: string }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    errorMessage:   string.nullable().default(null),
    responses:      array({
      topicName:    string,
      topicId:      uuid,
      errorCode:    int16,
      errorMessage: string.nullable().default(null),
    }),
  },
})
