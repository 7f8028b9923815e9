/** OffsetDelete (47). Deletes stored offsets of a group. */
import { api } from '../codec.ts'
import { array, int16, int32, string } from '../types.ts'

export const OffsetDelete = api(47, 'OffsetDelete', { versions: [0, 0], listeners: ['broker'] }, {
  request: {
    groupId: string,
    topics:  array({
      name:       string,
      partitions: array({ partitionIndex: int32 }),
    }),
  },
  response: {
    errorCode:      int16,
    throttleTimeMs: int32.default(0).ignorable(),
    topics:         array({
      name:       string,
      partitions: array({ partitionIndex: int32, errorCode: int16 }),
    }),
  },
})
