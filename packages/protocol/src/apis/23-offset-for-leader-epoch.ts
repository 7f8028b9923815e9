/** OffsetForLeaderEpoch (23). Where a leader epoch ends: the base of truncation after a change of leader (KIP-101). */
import { api } from '../codec.ts'
import { array, int16, int32, int64, string } from '../types.ts'

export const OffsetForLeaderEpoch = api(23, 'OffsetForLeaderEpoch', {
  versions: [2, 4], flexible: 4, listeners: ['broker'],
}, {
  request: {
    replicaId: int32.since(3).default(-2).ignorable(),
    topics:    array({
      topic:      string,
      partitions: array({
        partition:          int32,
        currentLeaderEpoch: int32.default(-1).ignorable(),
        leaderEpoch:        int32,
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.default(0).ignorable(),
    topics:         array({
      topic:      string,
      partitions: array({
        errorCode:   int16,
        partition:   int32,
        leaderEpoch: int32.default(-1).ignorable(),
        endOffset:   int64.default(-1),
      }),
    }),
  },
})
