/**
 * Values of control records: an int16 version, then the message. The record's key says which (int16 version 0, int16
 * type): 0 abort and 1 commit have EndTxnMarker, 2 LeaderChangeMessage, 3 SnapshotHeaderRecord, 4 SnapshotFooterRecord,
 * 5 KRaftVersionRecord, 6 VotersRecord.
 */
import { data } from '../codec.ts'
import { array, int16, int32, int64, string, struct, uint16, uuid } from '../types.ts'
import { ZERO_UUID } from '../wire.ts'

const voter = { voterId: int32, voterDirectoryId: uuid.since(1).default(ZERO_UUID) }

export const EndTxnMarker = data('EndTxnMarker', { versions: [0, 0] }, { coordinatorEpoch: int32 })

export const KRaftVersionRecord = data('KRaftVersionRecord', { versions: [0, 0], flexible: 0 }, {
  version:      int16,
  kRaftVersion: int16,
})

export const LeaderChangeMessage = data('LeaderChangeMessage', { versions: [0, 1], flexible: 0 }, {
  version:        int16,
  leaderId:       int32,
  voters:         array(voter),
  grantingVoters: array(voter),
})

export const SnapshotFooterRecord = data('SnapshotFooterRecord', { versions: [0, 0], flexible: 0 }, {
  version: int16,
})

export const SnapshotHeaderRecord = data('SnapshotHeaderRecord', { versions: [0, 0], flexible: 0 }, {
  version:                   int16,
  lastContainedLogTimestamp: int64,
})

export const VotersRecord = data('VotersRecord', { versions: [0, 0], flexible: 0 }, {
  version: int16,
  voters:  array({
    voterId:             int32,
    voterDirectoryId:    uuid,
    endpoints:           array({ name: string, host: string, port: uint16 }),
    kRaftVersionFeature: struct({ minSupportedVersion: int16, maxSupportedVersion: int16 }),
  }),
})
