/** UnregisterBroker (64). Removes a broker's registration. */
import { api } from '../codec.ts'
import { int16, int32, string } from '../types.ts'

export const UnregisterBroker = api(64, 'UnregisterBroker', {
  versions: [0, 0], flexible: 0, listeners: ['broker', 'controller'],
}, {
  request: {
    brokerId: int32,
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    errorMessage:   string.nullable(),
  },
})
