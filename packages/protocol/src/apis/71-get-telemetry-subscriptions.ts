/** GetTelemetrySubscriptions (71). Which metrics a client shall push (KIP-714). */
import { api } from '../codec.ts'
import { array, bool, int8, int16, int32, string, uuid } from '../types.ts'

export const GetTelemetrySubscriptions = api(71, 'GetTelemetrySubscriptions', {
  versions: [0, 0], flexible: 0, listeners: ['broker'],
}, {
  request: {
    clientInstanceId: uuid,
  },
  response: {
    throttleTimeMs:           int32.default(0),
    errorCode:                int16,
    clientInstanceId:         uuid,
    subscriptionId:           int32,
    acceptedCompressionTypes: array(int8),
    pushIntervalMs:           int32,
    telemetryMaxBytes:        int32,
    deltaTemporality:         bool,
    requestedMetrics:         array(string),
  },
})
