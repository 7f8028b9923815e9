/**
 * Records of `__remote_log_metadata`, and of the file remote_log_snapshot (type 3).
 * Value: uvarint frame version 1, uvarint `type`, uvarint version, then the message. The key is null.
 */
import { data } from '../codec.ts'
import { array, bool, bytes, int8, int32, int64, string, struct, uuid } from '../types.ts'

export const RemoteLogSegmentMetadataRecord = data(
  'RemoteLogSegmentMetadataRecord', { versions: [0, 0], flexible: 0, type: 0 }, {
  remoteLogSegmentId:    struct({
    topicIdPartition: struct({ name: string, id: uuid, partition: int32 }),
    id:               uuid,
  }),
  startOffset:           int64,
  endOffset:             int64,
  brokerId:              int32,
  maxTimestampMs:        int64,
  eventTimestampMs:      int64,
  segmentLeaderEpochs:   array({ leaderEpoch: int32, offset: int64 }),
  segmentSizeInBytes:    int32,
  customMetadata:        bytes.nullable().default(null),
  remoteLogSegmentState: int8,
  txnIndexEmpty:         bool.tag(0, 0),
})

export const RemoteLogSegmentMetadataSnapshotRecord = data(
  'RemoteLogSegmentMetadataSnapshotRecord', { versions: [0, 0], flexible: 0, type: 3 }, {
  segmentId:             uuid,
  startOffset:           int64,
  endOffset:             int64,
  brokerId:              int32,
  maxTimestampMs:        int64,
  eventTimestampMs:      int64,
  segmentLeaderEpochs:   array({ leaderEpoch: int32, offset: int64 }),
  segmentSizeInBytes:    int32,
  customMetadata:        bytes.nullable().default(null),
  remoteLogSegmentState: int8,
  txnIndexEmpty:         bool.tag(0, 0),
})

export const RemoteLogSegmentMetadataUpdateRecord = data(
  'RemoteLogSegmentMetadataUpdateRecord', { versions: [0, 0], flexible: 0, type: 1 }, {
  remoteLogSegmentId:    struct({
    topicIdPartition: struct({ name: string, id: uuid, partition: int32 }),
    id:               uuid,
  }),
  brokerId:              int32,
  eventTimestampMs:      int64,
  customMetadata:        bytes.nullable().default(null),
  remoteLogSegmentState: int8,
})

export const RemotePartitionDeleteMetadataRecord = data(
  'RemotePartitionDeleteMetadataRecord', { versions: [0, 0], flexible: 0, type: 2 }, {
  topicIdPartition:           struct({ name: string, id: uuid, partition: int32 }),
  brokerId:                   int32,
  eventTimestampMs:           int64,
  remotePartitionDeleteState: int8,
})
