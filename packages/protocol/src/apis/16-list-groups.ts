/** ListGroups (16). Lists the groups that a broker coordinates. */
import { api } from '../codec.ts'
import { array, int16, int32, string } from '../types.ts'

export const ListGroups = api(16, 'ListGroups', { versions: [0, 5], flexible: 3, listeners: ['broker'] }, {
  request: {
    statesFilter: array(string).since(4).default([]),
    typesFilter:  array(string).since(5).default([]),
  },
  response: {
    throttleTimeMs: int32.since(1).default(0).ignorable(),
    errorCode:      int16,
    groups:         array({
      groupId:      string,
      protocolType: string,
      groupState:   string.since(4).default('').ignorable(),
      groupType:    string.since(5).default('').ignorable(),
    }),
  },
})
