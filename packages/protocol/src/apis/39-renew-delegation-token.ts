/** RenewDelegationToken (39). Prolongs a delegation token. */
import { api } from '../codec.ts'
import { bytes, int16, int32, int64, int64Saturating } from '../types.ts'

export const RenewDelegationToken = api(39, 'RenewDelegationToken', {
  versions: [1, 2], flexible: 2, listeners: ['broker', 'controller'],
}, {
  request: {
    hmac:          bytes,
    renewPeriodMs: int64Saturating,
  },
  response: {
    errorCode:         int16,
    expiryTimestampMs: int64,
    throttleTimeMs:    int32.default(0),
  },
})
