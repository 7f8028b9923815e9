/** TxnOffsetCommit (28). Stores a group's offsets as part of a transaction. */
import { api } from '../codec.ts'
import { array, int16, int32, int64, int64Saturating, string } from '../types.ts'

export const TxnOffsetCommit = api(28, 'TxnOffsetCommit', { versions: [0, 5], flexible: 3, listeners: ['broker'] }, {
  request: {
    transactionalId: string,
    groupId:         string,
    producerId:      int64,
    producerEpoch:   int16,
    generationId:    int32.since(3).default(-1),
    memberId:        string.since(3).default(''),
    groupInstanceId: string.since(3).nullable().default(null),
    topics:          array({
      name:       string,
      partitions: array({
        partitionIndex:       int32,
        committedOffset:      int64Saturating,
        committedLeaderEpoch: int32.since(2).default(-1).ignorable(),
        committedMetadata:    string.nullable(),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    topics:         array({
      name:       string,
      partitions: array({ partitionIndex: int32, errorCode: int16 }),
    }),
  },
})
