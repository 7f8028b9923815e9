/** InitProducerId (22). Gives a producer its id and epoch. The last version is unstable in Kafka 4.2. */
import { api } from '../codec.ts'
import { bool, int16, int32, int64, string } from '../types.ts'

export const InitProducerId = api(22, 'InitProducerId', {
  versions: [0, 6], flexible: 2, listeners: ['broker'], unstableLast: true,
}, {
  request: {
    transactionalId:      string.nullable(),
    transactionTimeoutMs: int32,
    producerId:           int64.since(3).default(-1),
    producerEpoch:        int16.since(3).default(-1),
    enable2Pc:            bool.since(6).default(false),
    keepPreparedTxn:      bool.since(6).default(false),
  },
  response: {
    throttleTimeMs:          int32.default(0).ignorable(),
    errorCode:               int16,
    producerId:              int64.default(-1),
    producerEpoch:           int16,
    ongoingTxnProducerId:    int64.since(6).default(-1),
    ongoingTxnProducerEpoch: int16.since(6).default(-1),
  },
})
