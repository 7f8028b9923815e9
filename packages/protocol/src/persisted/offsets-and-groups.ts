/**
 * Records of `__consumer_offsets`: committed offsets (types 0 and 1) and classic groups (2).
 * Key: int16 `type`, then the key message in version 0. Value: int16 version, then the value message; none is a
 * tombstone.
 */
import { data } from '../codec.ts'
import { array, bytes, int32, int64, int64Saturating, string, uuid } from '../types.ts'

const memberMetadata = {
  memberId:         string,
  groupInstanceId:  string.since(3).nullable().default(null).ignorable(),
  clientId:         string,
  clientHost:       string,
  rebalanceTimeout: int32.since(1).default(-1).ignorable(),
  sessionTimeout:   int32,
  subscription:     bytes,
  assignment:       bytes,
}

export const LegacyOffsetCommitKey = data('LegacyOffsetCommitKey', { versions: [0, 0], type: 0 }, {
  group:     string,
  topic:     string,
  partition: int32,
})

export const LegacyOffsetCommitValue = data('LegacyOffsetCommitValue', { versions: [0, 0], type: 0 }, {
  offset:          int64Saturating,
  metadata:        string,
  commitTimestamp: int64Saturating,
})

export const OffsetCommitKey = data('OffsetCommitKey', { versions: [0, 0], type: 1 }, {
  group:     string,
  topic:     string,
  partition: int32,
})

export const OffsetCommitValue = data('OffsetCommitValue', { versions: [0, 4], flexible: 4, type: 1 }, {
  offset:          int64Saturating,
  leaderEpoch:     int32.since(3).default(-1).ignorable(),
  metadata:        string,
  commitTimestamp: int64Saturating,
  expireTimestamp: int64Saturating.since(1).until(1).default(-1).ignorable(),
  topicId:         uuid.tag(0, 4).ignorable(),
})

export const GroupMetadataKey = data('GroupMetadataKey', { versions: [0, 0], type: 2 }, { group: string })

export const GroupMetadataValue = data('GroupMetadataValue', { versions: [0, 4], flexible: 4, type: 2 }, {
  protocolType:          string,
  generation:            int32,
  protocol:              string.nullable(),
  leader:                string.nullable(),
  currentStateTimestamp: int64.since(2).default(-1).ignorable(),
  members:               array(memberMetadata),
})
