/** ControllerRegistration (70). A KRaft controller registers itself. */
import { api } from '../codec.ts'
import { array, bool, int16, int32, string, uint16, uuid } from '../types.ts'

export const ControllerRegistration = api(70, 'ControllerRegistration', {
  versions: [0, 0], flexible: 0, listeners: ['controller'],
}, {
  request: {
    controllerId:     int32,
    incarnationId:    uuid,
    zkMigrationReady: bool,
    listeners:        array({
      name:             string,
      host:             string,
      port:             uint16,
      securityProtocol: int16,
    }),
    features:         array({ name: string, minSupportedVersion: int16, maxSupportedVersion: int16 }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    errorMessage:   string.nullable(),
  },
})
