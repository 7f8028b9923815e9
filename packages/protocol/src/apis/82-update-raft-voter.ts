/** UpdateRaftVoter (82). A KRaft voter tells its endpoints and versions. */
import { api } from '../codec.ts'
import { array, int16, int32, string, struct, uint16, uuid } from '../types.ts'

export const UpdateRaftVoter = api(82, 'UpdateRaftVoter', {
  versions: [0, 0], flexible: 0, listeners: ['controller'],
}, {
  request: {
    clusterId:           string.nullable(),
    currentLeaderEpoch:  int32,
    voterId:             int32,
    voterDirectoryId:    uuid,
    listeners:           array({ name: string, host: string, port: uint16 }),
    kRaftVersionFeature: struct({ minSupportedVersion: int16, maxSupportedVersion: int16 }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    currentLeader:  struct({
      leaderId:    int32.default(-1),
      leaderEpoch: int32.default(-1),
      host:        string,
      port:        int32,
    }).tag(0, 0),
  },
})
