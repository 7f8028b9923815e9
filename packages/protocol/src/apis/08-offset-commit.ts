/** OffsetCommit (8). Stores the offsets of a consumer group. */
import { api } from '../codec.ts'
import { array, int16, int32, int64Saturating, string, uuid } from '../types.ts'
import { ZERO_UUID } from '../wire.ts'

export const OffsetCommit = api(8, 'OffsetCommit', { versions: [2, 10], flexible: 8, listeners: ['broker'] }, {
  request: {
    groupId:                   string,
    generationIdOrMemberEpoch: int32.default(-1).ignorable(),
    memberId:                  string.ignorable(),
    groupInstanceId:           string.since(7).nullable().default(null),
    retentionTimeMs:           int64Saturating.until(4).default(-1).ignorable(),
    topics:                    array({
      name:       string.until(9).default('').ignorable(),
      topicId:    uuid.since(10).default(ZERO_UUID).ignorable(),
      partitions: array({
        partitionIndex:       int32,
        committedOffset:      int64Saturating,
        committedLeaderEpoch: int32.since(6).default(-1).ignorable(),
        committedMetadata:    string.nullable(),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.since(3).default(0).ignorable(),
    topics:         array({
      name:       string.until(9).default('').ignorable(),
      topicId:    uuid.since(10).default(ZERO_UUID).ignorable(),
      partitions: array({ partitionIndex: int32, errorCode: int16 }),
    }),
  },
})
