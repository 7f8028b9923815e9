/** CreateDelegationToken (38). Creates a delegation token. */
import { api } from '../codec.ts'
import { array, bytes, int16, int32, int64, int64Saturating, string } from '../types.ts'

export const CreateDelegationToken = api(38, 'CreateDelegationToken', {
  versions: [1, 3], flexible: 2, listeners: ['broker', 'controller'],
}, {
  request: {
    ownerPrincipalType: string.since(3).nullable(),
    ownerPrincipalName: string.since(3).nullable(),
    renewers:           array({ principalType: string, principalName: string }),
    maxLifetimeMs:      int64Saturating,
  },
  response: {
    errorCode:                   int16,
    principalType:               string,
    principalName:               string,
    tokenRequesterPrincipalType: string.since(3).default(''),
    tokenRequesterPrincipalName: string.since(3).default(''),
    issueTimestampMs:            int64,
    expiryTimestampMs:           int64,
    maxTimestampMs:              int64,
    tokenId:                     string,
    hmac:                        bytes,
    throttleTimeMs:              int32.default(0),
  },
})
