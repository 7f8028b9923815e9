/**
 * Fetch (1). Reads record batches from partitions, for consumers and followers; incremental within a fetch session
 * (KIP-227).
 */
import { api } from '../codec.ts'
import { array, bigint64, int8, int16, int32, int64, int64Saturating, records, string, struct, uuid } from '../types.ts'
import { ZERO_UUID } from '../wire.ts'

export const Fetch = api(1, 'Fetch', { versions: [4, 18], flexible: 12, listeners: ['broker', 'controller'] }, {
  request: {
    clusterId:           string.nullable().tag(0, 12).default(null).ignorable(),
    replicaId:           int32.until(14).default(-1),
    replicaState:        struct({ replicaId: int32.default(-1), replicaEpoch: int64.default(-1) }).tag(1, 15),
    maxWaitMs:           int32,
    minBytes:            int32,
    maxBytes:            int32.default(2147483647).ignorable(),
    isolationLevel:      int8.default(0).ignorable(),
    sessionId:           int32.since(7).default(0).ignorable(),
    sessionEpoch:        int32.since(7).default(-1).ignorable(),
    topics:              array({
      topic:      string.until(12).default('').ignorable(),
      topicId:    uuid.since(13).default(ZERO_UUID).ignorable(),
      partitions: array({
        partition:          int32,
        currentLeaderEpoch: int32.since(9).default(-1).ignorable(),
        fetchOffset:        int64Saturating,
        lastFetchedEpoch:   int32.since(12).default(-1),
        logStartOffset:     int64Saturating.since(5).default(-1).ignorable(),
        partitionMaxBytes:  int32,
        replicaDirectoryId: uuid.tag(0, 17).ignorable(),
        highWatermark:      bigint64.tag(1, 18).default(9223372036854775807n).ignorable(),
      }),
    }),
    forgottenTopicsData: array({
      topic:      string.until(12).default('').ignorable(),
      topicId:    uuid.since(13).default(ZERO_UUID).ignorable(),
      partitions: array(int32),
    }).since(7).default([]),
    rackId:              string.since(11).default('').ignorable(),
  },
  response: {
    throttleTimeMs: int32.default(0).ignorable(),
    errorCode:      int16.since(7).default(0).ignorable(),
    sessionId:      int32.since(7).default(0),
    responses:      array({
      topic:      string.until(12).default('').ignorable(),
      topicId:    uuid.since(13).default(ZERO_UUID).ignorable(),
      partitions: array({
        partitionIndex:       int32,
        errorCode:            int16,
        highWatermark:        int64,
        lastStableOffset:     int64.default(-1).ignorable(),
        logStartOffset:       int64.since(5).default(-1).ignorable(),
        divergingEpoch:       struct({ epoch: int32.default(-1), endOffset: int64.default(-1) }).tag(0, 12),
        currentLeader:        struct({ leaderId: int32.default(-1), leaderEpoch: int32.default(-1) }).tag(1, 12),
        snapshotId:           struct({ endOffset: int64.default(-1), epoch: int32.default(-1) }).tag(2, 12),
        abortedTransactions:  array({ producerId: int64, firstOffset: int64 }).nullable().ignorable(),
        preferredReadReplica: int32.since(11).default(-1),
        records:              records.nullable(),
      }),
    }),
    nodeEndpoints:  array({
      nodeId: int32,
      host:   string,
      port:   int32,
      rack:   string.nullable().default(null),
    }).tag(0, 16),
  },
})
