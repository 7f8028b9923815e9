/** AlterShareGroupOffsets (91). Sets the start offsets of share groups. */
import { api } from '../codec.ts'
import { array, int16, int32, int64Saturating, string, uuid } from '../types.ts'

export const AlterShareGroupOffsets = api(91, 'AlterShareGroupOffsets', {
  versions: [0, 0], flexible: 0, listeners: ['broker'],
}, {
  request: {
    groupId: string,
    topics:  array({
      topicName:  string,
      partitions: array({ partitionIndex: int32, startOffset: int64Saturating }),
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    errorMessage:   string.nullable().default(null),
    responses:      array({
      topicName:  string,
      topicId:    uuid,
      partitions: array({
        partitionIndex: int32,
        errorCode:      int16,
        errorMessage:   string.nullable().default(null),
      }),
    }),
  },
})
