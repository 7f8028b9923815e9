/** ListOffsets (2). Finds offsets by timestamp, or the earliest and latest ones. */
import { api } from '../codec.ts'
import { array, int8, int16, int32, int64, int64Saturating, string } from '../types.ts'

export const ListOffsets = api(2, 'ListOffsets', { versions: [1, 11], flexible: 6, listeners: ['broker'] }, {
  request: {
    replicaId:      int32,
    isolationLevel: int8.since(2).default(0),
    topics:         array({
      name:       string,
      partitions: array({
        partitionIndex:     int32,
        currentLeaderEpoch: int32.since(4).default(-1).ignorable(),
        timestamp:          int64Saturating,
      }),
    }),
    timeoutMs:      int32.since(10).default(0).ignorable(),
  },
  response: {
    throttleTimeMs: int32.since(2).default(0).ignorable(),
    topics:         array({
      name:       string,
      partitions: array({
        partitionIndex: int32,
        errorCode:      int16,
        timestamp:      int64Saturating.default(-1),
        offset:         int64.default(-1),
        leaderEpoch:    int32.since(4).default(-1),
      }),
    }),
  },
})
