/** AddRaftVoter (80). Adds a voter to the KRaft quorum. */
import { api } from '../codec.ts'
import { array, bool, int16, int32, string, uint16, uuid } from '../types.ts'

export const AddRaftVoter = api(80, 'AddRaftVoter', {
  versions: [0, 1], flexible: 0, listeners: ['controller', 'broker'],
}, {
  request: {
    clusterId:        string.nullable(),
    timeoutMs:        int32,
    voterId:          int32,
    voterDirectoryId: uuid,
    listeners:        array({ name: string, host: string, port: uint16 }),
    ackWhenCommitted: bool.since(1).default(true),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    errorMessage:   string.nullable().ignorable(),
  },
})
