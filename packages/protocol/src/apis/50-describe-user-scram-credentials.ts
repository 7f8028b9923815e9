/** DescribeUserScramCredentials (50). Lists users' SCRAM mechanisms and iterations, never secrets. */
import { api } from '../codec.ts'
import { array, int8, int16, int32, string } from '../types.ts'

export const DescribeUserScramCredentials = api(50, 'DescribeUserScramCredentials', {
  versions: [0, 0], flexible: 0, listeners: ['broker', 'controller'],
}, {
  request: {
    users: array({ name: string }).nullable(),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    errorMessage:   string.nullable(),
    results:        array({
      user:            string,
      errorCode:       int16,
      errorMessage:    string.nullable(),
      credentialInfos: array({ mechanism: int8, iterations: int32 }),
    }),
  },
})
