/** ShareFetch (78). Acquires records of share partitions, and acknowledges earlier ones. */
import { api } from '../codec.ts'
import { array, bool, int8, int16, int32, int64, int64Saturating, records, string, struct, uuid } from '../types.ts'

export const ShareFetch = api(78, 'ShareFetch', { versions: [1, 2], flexible: 0, listeners: ['broker'] }, {
  request: {
    groupId:             string.nullable().default(null),
    memberId:            string.nullable(),
    shareSessionEpoch:   int32,
    maxWaitMs:           int32,
    minBytes:            int32,
    maxBytes:            int32.default(2147483647),
    maxRecords:          int32,
    batchSize:           int32,
    shareAcquireMode:    int8.since(2).default(0).ignorable(),
    isRenewAck:          bool.since(2).default(false),
    topics:              array({
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
    forgottenTopicsData: array({ topicId: uuid, partitions: array(int32) }),
  },
  response: {
    throttleTimeMs:           int32.default(0),
    errorCode:                int16,
    errorMessage:             string.nullable().default(null),
    acquisitionLockTimeoutMs: int32,
    responses:                array({
      topicId:    uuid,
      partitions: array({
        partitionIndex:          int32,
        errorCode:               int16,
        errorMessage:            string.nullable().default(null),
        acknowledgeErrorCode:    int16,
        acknowledgeErrorMessage: string.nullable().default(null),
        currentLeader:           struct({ leaderId: int32, leaderEpoch: int32 }),
        records:                 records,
        acquiredRecords:         array({ firstOffset: int64, lastOffset: int64, deliveryCount: int16 }),
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
