/** PushTelemetry (72). A client pushes its metrics (KIP-714). */
import { api } from '../codec.ts'
import { bool, bytes, int8, int16, int32, uuid } from '../types.ts'

export const PushTelemetry = api(72, 'PushTelemetry', { versions: [0, 0], flexible: 0, listeners: ['broker'] }, {
  request: {
    clientInstanceId: uuid,
    subscriptionId:   int32,
    terminating:      bool,
    compressionType:  int8,
    metrics:          bytes,
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
  },
})
