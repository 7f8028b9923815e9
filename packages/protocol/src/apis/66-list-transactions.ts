/** ListTransactions (66). Lists the transactions that a broker coordinates. */
import { api } from '../codec.ts'
import { array, int16, int32, int64, int64Saturating, string } from '../types.ts'

export const ListTransactions = api(66, 'ListTransactions', { versions: [0, 2], flexible: 0, listeners: ['broker'] }, {
  request: {
    stateFilters:           array(string),
    producerIdFilters:      array(int64Saturating),
    durationFilter:         int64Saturating.since(1).default(-1),
    transactionalIdPattern: string.since(2).nullable().default(null),
  },
  response: {
    throttleTimeMs:      int32.default(0),
    errorCode:           int16,
    unknownStateFilters: array(string),
    transactionStates:   array({ transactionalId: string, producerId: int64, transactionState: string }),
  },
})
