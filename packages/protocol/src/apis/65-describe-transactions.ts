/** DescribeTransactions (65). Describes transactions by transactional id. */
import { api } from '../codec.ts'
import { array, int16, int32, int64, string } from '../types.ts'

export const DescribeTransactions = api(65, 'DescribeTransactions', {
  versions: [0, 0], flexible: 0, listeners: ['broker'],
}, {
  request: {
    transactionalIds: array(string),
  },
  response: {
    throttleTimeMs:    int32.default(0),
    transactionStates: array({
      errorCode:              int16,
      transactionalId:        string,
      transactionState:       string,
      transactionTimeoutMs:   int32,
      transactionStartTimeMs: int64,
      producerId:             int64,
      producerEpoch:          int16,
      topics:                 array({ topic: string, partitions: array(int32) }),
    }),
  },
})
