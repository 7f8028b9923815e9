/** JoinGroup (11). Enters a classic group and takes part in a rebalance. */
import { api } from '../codec.ts'
import { array, bool, bytes, int16, int32, string } from '../types.ts'

export const JoinGroup = api(11, 'JoinGroup', { versions: [0, 9], flexible: 6, listeners: ['broker'] }, {
  request: {
    groupId:            string,
    sessionTimeoutMs:   int32,
    rebalanceTimeoutMs: int32.since(1).default(-1).ignorable(),
    memberId:           string,
    groupInstanceId:    string.since(5).nullable().default(null),
    protocolType:       string,
    protocols:          array({ name: string, metadata: bytes }),
    reason:             string.since(8).nullable().default(null).ignorable(),
  },
  response: {
    throttleTimeMs: int32.since(2).default(0).ignorable(),
    errorCode:      int16,
    generationId:   int32.default(-1),
    protocolType:   string.since(7).nullable().default(null).ignorable(),
    protocolName:   string.nullable(7),
    leader:         string,
    skipAssignment: bool.since(9).default(false),
    memberId:       string,
    members:        array({
      memberId:        string,
      groupInstanceId: string.since(5).nullable().default(null).ignorable(),
      metadata:        bytes,
    }),
  },
})
