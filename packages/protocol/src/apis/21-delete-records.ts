/** DeleteRecords (21). Removes records before an offset. */
import { api } from '../codec.ts'
import { array, int16, int32, int64, int64Saturating, string } from '../types.ts'

export const DeleteRecords = api(21, 'DeleteRecords', { versions: [0, 2], flexible: 2, listeners: ['broker'] }, {
  request: {
    topics:    array({
      name:       string,
      partitions: array({ partitionIndex: int32, offset: int64Saturating }),
    }),
    timeoutMs: int32,
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics:         array({
      name:       string,
      partitions: array({ partitionIndex: int32, lowWatermark: int64, errorCode: int16 }),
    }),
  },
})
