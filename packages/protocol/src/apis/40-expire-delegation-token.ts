/** ExpireDelegationToken (40). Ends a delegation token, or shortens its life. */
import { api } from '../codec.ts'
import { bytes, int16, int32, int64, int64Saturating } from '../types.ts'

export const ExpireDelegationToken = api(40, 'ExpireDelegationToken', {
  versions: [1, 2], flexible: 2, listeners: ['broker', 'controller'],
}, {
  request: {
    hmac:               bytes,
    expiryTimePeriodMs: int64Saturating,
  },
  response: {
    errorCode:         int16,
    expiryTimestampMs: int64,
    throttleTimeMs:    int32.default(0),
  },
})
