/** EndTxn (26). Commits or aborts a transaction. */
import { api } from '../codec.ts'
import { bool, int16, int32, int64, string } from '../types.ts'

export const EndTxn = api(26, 'EndTxn', { versions: [0, 5], flexible: 3, listeners: ['broker'] }, {
  request: {
    transactionalId: string,
    producerId:      int64,
    producerEpoch:   int16,
    committed:       bool,
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    producerId:     int64.since(5).default(-1).ignorable(),
    producerEpoch:  int16.since(5).default(-1).ignorable(),
  },
})
