/** WriteTxnMarkers (27). Coordinators write the end of transactions into partitions. */
import { api } from '../codec.ts'
import { array, bool, int8, int16, int32, int64, string } from '../types.ts'

export const WriteTxnMarkers = api(27, 'WriteTxnMarkers', { versions: [1, 2], flexible: 1, listeners: ['broker'] }, {
  request: {
    markers: array({
      producerId:         int64,
      producerEpoch:      int16,
      transactionResult:  bool,
      topics:             array({ name: string, partitionIndexes: array(int32) }),
      coordinatorEpoch:   int32,
      transactionVersion: int8.since(2).default(0).ignorable(),
    }),
  },
  response: {
    markers: array({
      producerId: int64,
      topics:     array({
        name:       string,
        partitions: array({ partitionIndex: int32, errorCode: int16 }),
      }),
    }),
  },
})
