/** AlterUserScramCredentials (51). Sets or deletes users' SCRAM credentials. */
import { api } from '../codec.ts'
import { array, bytes, int8, int16, int32, string } from '../types.ts'

export const AlterUserScramCredentials = api(51, 'AlterUserScramCredentials', {
  versions: [0, 0], flexible: 0, listeners: ['broker', 'controller'],
}, {
  request: {
    deletions:  array({ name: string, mechanism: int8 }),
    upsertions: array({
      name:           string,
      mechanism:      int8,
      iterations:     int32,
      salt:           bytes,
      saltedPassword: bytes,
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results:        array({ user: string, errorCode: int16, errorMessage: string.nullable() }),
  },
})
