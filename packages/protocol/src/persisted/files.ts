/** Contents of files beside the logs: producer state (`*.snapshot`, binary) and KRaft's `quorum-state` (JSON text). */
import { data } from '../codec.ts'
import { array, int16, int32, int64, string, uint32, uuid } from '../types.ts'
import { ZERO_UUID } from '../wire.ts'

export const ProducerSnapshot = data('ProducerSnapshot', { versions: [1, 1] }, {
  crc:             uint32,
  producerEntries: array({
    producerId:            int64,
    epoch:                 int16,
    lastSequence:          int32,
    lastOffset:            int64,
    offsetDelta:           int32,
    timestamp:             int64,
    coordinatorEpoch:      int32,
    currentTxnFirstOffset: int64,
  }),
})

export const QuorumStateData = data('QuorumStateData', { versions: [0, 1], flexible: 0 }, {
  clusterId:        string.until(0).default(''),
  leaderId:         int32.default(-1),
  leaderEpoch:      int32.default(-1),
  votedId:          int32.default(-1),
  votedDirectoryId: uuid.since(1).default(ZERO_UUID),
  appliedOffset:    int64.until(0).default(0),
  currentVoters:    array({ voterId: int32 }).until(0).nullable(),
})
