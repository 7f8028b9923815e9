/** Heartbeat (12). Keeps a member of a classic group alive. */
import { api } from '../codec.ts'
import { int16, int32, string } from '../types.ts'

export const Heartbeat = api(12, 'Heartbeat', { versions: [0, 4], flexible: 4, listeners: ['broker'] }, {
  request: {
    groupId:         string,
    generationId:    int32,
    memberId:        string,
    groupInstanceId: string.since(3).nullable().default(null),
  },
  response: {
    throttleTimeMs: int32.since(1).default(0).ignorable(),
    errorCode:      int16,
  },
})
