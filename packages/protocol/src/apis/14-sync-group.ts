/** SyncGroup (14). Hands the leader's assignment to the members of a classic group. */
import { api } from '../codec.ts'
import { array, bytes, int16, int32, string } from '../types.ts'

export const SyncGroup = api(14, 'SyncGroup', { versions: [0, 5], flexible: 4, listeners: ['broker'] }, {
  request: {
    groupId:         string,
    generationId:    int32,
    memberId:        string,
    groupInstanceId: string.since(3).nullable().default(null),
    protocolType:    string.since(5).nullable().default(null).ignorable(),
    protocolName:    string.since(5).nullable().default(null).ignorable(),
    assignments:     array({ memberId: string, assignment: bytes }),
  },
  response: {
    throttleTimeMs: int32.since(1).default(0).ignorable(),
    errorCode:      int16,
    protocolType:   string.since(5).nullable().default(null).ignorable(),
    protocolName:   string.since(5).nullable().default(null).ignorable(),
    assignment:     bytes,
  },
})
