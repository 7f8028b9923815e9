/** AddOffsetsToTxn (25). Adds a group's offsets to a transaction. */
import { api } from '../codec.ts'
import { int16, int32, int64, string } from '../types.ts'

export const AddOffsetsToTxn = api(25, 'AddOffsetsToTxn', { versions: [0, 4], flexible: 3, listeners: ['broker'] }, {
  request: {
    transactionalId: string,
    producerId:      int64,
    producerEpoch:   int16,
    groupId:         string,
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
  },
})
