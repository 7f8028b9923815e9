/** Envelope (58). A broker forwards a client's request to the controller, with the client's principal. */
import { api } from '../codec.ts'
import { bytes, int16 } from '../types.ts'

export const Envelope = api(58, 'Envelope', { versions: [0, 0], flexible: 0, listeners: ['controller'] }, {
  request: {
    requestData:       bytes,
    requestPrincipal:  bytes.nullable(),
    clientHostAddress: bytes,
  },
  response: {
    responseData: bytes.nullable().default(null),
    errorCode:    int16,
  },
})
