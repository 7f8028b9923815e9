/** DescribeGroups (15). Describes classic groups. */
import { api } from '../codec.ts'
import { array, bool, bytes, int16, int32, string } from '../types.ts'

export const DescribeGroups = api(15, 'DescribeGroups', { versions: [0, 6], flexible: 5, listeners: ['broker'] }, {
  request: {
    groups:                      array(string),
    includeAuthorizedOperations: bool.since(3).default(false),
  },
  response: {
    throttleTimeMs: int32.since(1).default(0).ignorable(),
    groups:         array({
      errorCode:            int16,
      errorMessage:         string.since(6).nullable().default(null),
      groupId:              string,
      groupState:           string,
      protocolType:         string,
      protocolData:         string,
      members:              array({
        memberId:         string,
        groupInstanceId:  string.since(4).nullable().default(null).ignorable(),
        clientId:         string,
        clientHost:       string,
        memberMetadata:   bytes,
        memberAssignment: bytes,
      }),
      authorizedOperations: int32.since(3).default(-2147483648),
    }),
  },
})
