/** RemoveRaftVoter (81). Removes a voter from the KRaft quorum. */
import { api } from '../codec.ts'
import { int16, int32, string, uuid } from '../types.ts'

export const RemoveRaftVoter = api(81, 'RemoveRaftVoter', {
  versions: [0, 0], flexible: 0, listeners: ['controller', 'broker'],
}, {
  request: {
    clusterId:        string.nullable(),
    voterId:          int32,
    voterDirectoryId: uuid,
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    errorMessage:   string.nullable().ignorable(),
  },
})
