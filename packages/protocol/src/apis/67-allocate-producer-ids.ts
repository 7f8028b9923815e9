/** AllocateProducerIds (67). A coordinator takes a block of producer ids. */
import { api } from '../codec.ts'
import { int16, int32, int64 } from '../types.ts'

export const AllocateProducerIds = api(67, 'AllocateProducerIds', {
  versions: [0, 0], flexible: 0, listeners: ['controller'],
}, {
  request: {
    brokerId:    int32,
    brokerEpoch: int64.default(-1),
  },
  response: {
    throttleTimeMs:  int32.default(0),
    errorCode:       int16,
    producerIdStart: int64,
    producerIdLen:   int32,
  },
})
