/** BrokerRegistration (62). A broker registers with the controller. */
import { api } from '../codec.ts'
import { array, bool, int16, int32, int64, string, uint16, uuid } from '../types.ts'

export const BrokerRegistration = api(62, 'BrokerRegistration', {
  versions: [0, 4], flexible: 0, listeners: ['controller'],
}, {
  request: {
    brokerId:            int32,
    clusterId:           string,
    incarnationId:       uuid,
    listeners:           array({
      name:             string,
      host:             string,
      port:             uint16,
      securityProtocol: int16,
    }),
    features:            array({ name: string, minSupportedVersion: int16, maxSupportedVersion: int16 }),
    rack:                string.nullable(),
    isMigratingZkBroker: bool.since(1).default(false),
    logDirs:             array(uuid).since(2).default([]).ignorable(),
    previousBrokerEpoch: int64.since(3).default(-1).ignorable(),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    brokerEpoch:    int64.default(-1),
  },
})
