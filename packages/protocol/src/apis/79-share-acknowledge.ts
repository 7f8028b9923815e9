/** ShareAcknowledge (79). Acknowledges records of share partitions. */
import { api } from '../codec.ts'
import { array, bool, int8, int16, int32, int64Saturating, string, struct, uuid } from '../types.ts'

export const ShareAcknowledge = api(79, 'ShareAcknowledge', { versions: [1, 2], flexible: 0, listeners: ['broker'] }, {
  request: {
    groupId:           string.nullable().default(null),
    memberId:          string.nullable(),
    shareSessionEpoch: int32,
    isRenewAck:        bool.since(2).default(false),
    topics:            array({
      topicId:    uuid,
      partitions: array({
        partitionIndex:         int32,
        acknowledgementBatches: array({
          firstOffset:      int64Saturating,
          lastOffset:       int64Saturating,
          acknowledgeTypes: array(int8),
        }),
      }),
    }),
  },
  response: {
    throttleTimeMs:           int32.default(0),
    errorCode:                int16,
    errorMessage:             string.nullable().default(null),
    acquisitionLockTimeoutMs: int32.since(2).default(0).ignorable(),
    responses:                array({
      topicId:    uuid,
      partitions: array({
        partitionIndex: int32,
        errorCode:      int16,
        errorMessage:   string.nullable().default(null),
        currentLeader:  struct({ leaderId: int32, leaderEpoch: int32 }),
      }),
    }),
    nodeEndpoints:            array({
      nodeId: int32,
      host:   string,
      port:   int32,
      rack:   string.nullable().default(null),
    }),
  },
})
