/** Vote (52). A KRaft candidate asks for a vote. */
import { api } from '../codec.ts'
import { array, bool, int16, int32, int64, string, uint16, uuid } from '../types.ts'
import { ZERO_UUID } from '../wire.ts'

export const Vote = api(52, 'Vote', { versions: [0, 2], flexible: 0, listeners: ['controller'] }, {
  request: {
    clusterId: string.nullable().default(null),
    voterId:   int32.since(1).default(-1).ignorable(),
    topics:    array({
      topicName:  string,
      partitions: array({
        partitionIndex:     int32,
        replicaEpoch:       int32,
        replicaId:          int32,
        replicaDirectoryId: uuid.since(1).default(ZERO_UUID).ignorable(),
        voterDirectoryId:   uuid.since(1).default(ZERO_UUID).ignorable(),
        lastOffsetEpoch:    int32,
        lastOffset:         int64,
        preVote:            bool.since(2).default(false),
      }),
    }),
  },
  response: {
    errorCode:     int16,
    topics:        array({
      topicName:  string,
      partitions: array({
        partitionIndex: int32,
        errorCode:      int16,
        leaderId:       int32,
        leaderEpoch:    int32,
        voteGranted:    bool,
      }),
    }),
    nodeEndpoints: array({ nodeId: int32, host: string, port: uint16 }).tag(0, 1),
  },
})
