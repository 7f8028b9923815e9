/** BeginQuorumEpoch (53). A KRaft leader tells voters of its epoch. */
import { api } from '../codec.ts'
import { array, int16, int32, string, uint16, uuid } from '../types.ts'
import { ZERO_UUID } from '../wire.ts'

export const BeginQuorumEpoch = api(53, 'BeginQuorumEpoch', {
  versions: [0, 1], flexible: 1, listeners: ['controller'],
}, {
  request: {
    clusterId:       string.nullable().default(null),
    voterId:         int32.since(1).default(-1).ignorable(),
    topics:          array({
      topicName:  string,
      partitions: array({
        partitionIndex:   int32,
        voterDirectoryId: uuid.since(1).default(ZERO_UUID).ignorable(),
        leaderId:         int32,
        leaderEpoch:      int32,
      }),
    }),
    leaderEndpoints: array({ name: string, host: string, port: uint16 }).since(1).default([]).ignorable(),
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
      }),
    }),
    nodeEndpoints: array({ nodeId: int32, host: string, port: uint16 }).tag(0, 1),
  },
})
