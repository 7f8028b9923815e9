/** DescribeDelegationToken (41). Lists delegation tokens. */
import { api } from '../codec.ts'
import { array, bytes, int16, int32, int64, string } from '../types.ts'

export const DescribeDelegationToken = api(41, 'DescribeDelegationToken', {
  versions: [1, 3], flexible: 2, listeners: ['broker', 'controller'],
}, {
  request: {
    owners: array({ principalType: string, principalName: string }).nullable(),
  },
  response: {
    errorCode:      int16,
    tokens:         array({
      principalType:               string,
      principalName:               string,
      tokenRequesterPrincipalType: string.since(3).default(''),
      tokenRequesterPrincipalName: string.since(3).default(''),
      issueTimestamp:              int64,
      expiryTimestamp:             int64,
      maxTimestamp:                int64,
      tokenId:                     string,
      hmac:                        bytes,
      renewers:                    array({ principalType: string, principalName: string }),
    }),
    throttleTimeMs: int32.default(0),
  },
})
