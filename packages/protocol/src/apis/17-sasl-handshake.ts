/** SaslHandshake (17). Chooses a SASL mechanism. */
import { api } from '../codec.ts'
import { array, int16, string } from '../types.ts'

export const SaslHandshake = api(17, 'SaslHandshake', { versions: [0, 1], listeners: ['broker', 'controller'] }, {
  request: {
    mechanism: string,
  },
  response: {
    errorCode:  int16,
    mechanisms: array(string),
  },
})
