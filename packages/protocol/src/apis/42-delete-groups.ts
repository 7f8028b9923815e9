/** DeleteGroups (42). Deletes empty groups. */
import { api } from '../codec.ts'
import { array, int16, int32, string } from '../types.ts'

export const DeleteGroups = api(42, 'DeleteGroups', { versions: [0, 2], flexible: 2, listeners: ['broker'] }, {
  request: {
    groupsNames: array(string),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results:        array({ groupId: string, errorCode: int16 }),
  },
})
