/**
 * Records of `__transaction_state`.
 * Key: int16 `type`, then the key message in version 0. Value: int16 version, then the value message; none is a
 * tombstone.
 */
import { data } from '../codec.ts'
import { array, int8, int16, int32, int64, string } from '../types.ts'

export const TransactionLogKey = data('TransactionLogKey', { versions: [0, 0], type: 0 }, { transactionalId: string })

export const TransactionLogValue = data('TransactionLogValue', { versions: [0, 1], flexible: 1, type: 0 }, {
  producerId:                       int64,
  previousProducerId:               int64.tag(0, 1).default(-1),
  nextProducerId:                   int64.tag(1, 1).default(-1),
  producerEpoch:                    int16,
  nextProducerEpoch:                int16.tag(3, 1).default(-1),
  transactionTimeoutMs:             int32,
  transactionStatus:                int8,
  transactionPartitions:            array({ topic: string, partitionIds: array(int32) }).nullable(),
  transactionLastUpdateTimestampMs: int64,
  transactionStartTimestampMs:      int64,
  clientTransactionVersion:         int16.tag(2, 1).default(0),
})
