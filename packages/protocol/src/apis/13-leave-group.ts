/** LeaveGroup (13). Leaves a classic group. */
import { api } from '../codec.ts'
import { array, int16, int32, string } from '../types.ts'

export const LeaveGroup = api(13, 'LeaveGroup', { versions: [0, 5], flexible: 4, listeners: ['broker'] }, {
  request: {
    groupId:  string,
    memberId: string.until(2).default(''),
    members:  array({
      memberId:        string,
      groupInstanceId: string.nullable().default(null),
      reason:          string.since(5).nullable().default(null).ignorable(),
    }).since(3).default([]),
  },
  response: {
    throttleTimeMs: int32.since(1).default(0).ignorable(),
    errorCode:      int16,
    members:        array({
      memberId:        string,
      groupInstanceId: string.nullable(),
      errorCode:       int16,
    }).since(3).default([]),
  },
})
