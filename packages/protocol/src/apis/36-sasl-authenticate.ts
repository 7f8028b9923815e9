/** SaslAuthenticate (36). Carries the tokens of a SASL exchange. */
import { api } from '../codec.ts'
import { bytes, int16, int64Saturating, string } from '../types.ts'

export const SaslAuthenticate = api(36, 'SaslAuthenticate', {
  versions: [0, 2], flexible: 2, listeners: ['broker', 'controller'],
}, {
  request: {
    authBytes: bytes,
  },
  response: {
    errorCode:         int16,
    errorMessage:      string.nullable(),
    authBytes:         bytes,
    sessionLifetimeMs: int64Saturating.since(1).default(0).ignorable(),
  },
})
