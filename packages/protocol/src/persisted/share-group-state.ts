/**
 * Records of `__share_group_state`.
 * Key: int16 `type`, then the key message in version 0. Value: int16 version, then the value message; none is a
 * tombstone.
 */
import { data } from '../codec.ts'
import { array, int8, int16, int32, int64, string, uuid } from '../types.ts'

export const ShareSnapshotKey = data('ShareSnapshotKey', { versions: [0, 0], type: 0 }, {
  groupId:   string,
  topicId:   uuid,
  partition: int32,
})

export const ShareSnapshotValue = data('ShareSnapshotValue', { versions: [0, 0], flexible: 0, type: 0 }, {
  snapshotEpoch:         int32,
  stateEpoch:            int32,
  leaderEpoch:           int32,
  startOffset:           int64,
  deliveryCompleteCount: int32.tag(0, 0).default(-1),
  createTimestamp:       int64,
  writeTimestamp:        int64,
  stateBatches:          array({
    firstOffset:   int64,
    lastOffset:    int64,
    deliveryState: int8,
    deliveryCount: int16,
  }),
})

export const ShareUpdateKey = data('ShareUpdateKey', { versions: [0, 0], type: 1 }, {
  groupId:   string,
  topicId:   uuid,
  partition: int32,
})

export const ShareUpdateValue = data('ShareUpdateValue', { versions: [0, 0], flexible: 0, type: 1 }, {
  snapshotEpoch:         int32,
  leaderEpoch:           int32,
  startOffset:           int64,
  deliveryCompleteCount: int32.tag(0, 0).default(-1),
  stateBatches:          array({
    firstOffset:   int64,
    lastOffset:    int64,
    deliveryState: int8,
    deliveryCount: int16,
  }),
})
