/** OffsetFetch (9). Reads the stored offsets of consumer groups. */
import { api } from '../codec.ts'
import { array, bool, int16, int32, int64Saturating, string, uuid } from '../types.ts'
import { ZERO_UUID } from '../wire.ts'

export const OffsetFetch = api(9, 'OffsetFetch', { versions: [1, 10], flexible: 6, listeners: ['broker'] }, {
  request: {
    groupId:       string.until(7).default(''),
    topics:        array({ name: string, partitionIndexes: array(int32) }).until(7).nullable(2),
    groups:        array({
      groupId:     string,
      memberId:    string.since(9).nullable().default(null).ignorable(),
      memberEpoch: int32.since(9).default(-1).ignorable(),
      topics:      array({
        name:             string.until(9).default('').ignorable(),
        topicId:          uuid.since(10).default(ZERO_UUID).ignorable(),
        partitionIndexes: array(int32),
      }).nullable(),
    }).since(8).default([]),
    requireStable: bool.since(7).default(false),
  },
  response: {
    throttleTimeMs: int32.since(3).default(0).ignorable(),
    topics:         array({
      name:       string,
      partitions: array({
        partitionIndex:       int32,
        committedOffset:      int64Saturating,
        committedLeaderEpoch: int32.since(5).default(-1).ignorable(),
        metadata:             string.nullable(),
        errorCode:            int16,
      }),
    }).until(7).default([]),
    errorCode:      int16.since(2).until(7).default(0).ignorable(),
    groups:         array({
      groupId:   string,
      topics:    array({
        name:       string.until(9).default('').ignorable(),
        topicId:    uuid.since(10).default(ZERO_UUID).ignorable(),
        partitions: array({
          partitionIndex:       int32,
          committedOffset:      int64Saturating,
          committedLeaderEpoch: int32.default(-1).ignorable(),
          metadata:             string.nullable(),
          errorCode:            int16,
        }),
      }),
      errorCode: int16.default(0),
    }).since(8).default([]),
  },
})
