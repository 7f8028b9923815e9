/** BrokerHeartbeat (63). A broker keeps its registration alive and asks to be unfenced or shut down. */
import { api } from '../codec.ts'
import { array, bool, int16, int32, int64, uuid } from '../types.ts'

export const BrokerHeartbeat = api(63, 'BrokerHeartbeat', {
  versions: [0, 1], flexible: 0, listeners: ['controller'],
}, {
  request: {
    brokerId:              int32,
    brokerEpoch:           int64.default(-1),
    currentMetadataOffset: int64,
    wantFence:             bool,
    wantShutDown:          bool,
    offlineLogDirs:        array(uuid).tag(0, 1),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    isCaughtUp:     bool.default(false),
    isFenced:       bool.default(true),
    shouldShutDown: bool,
  },
})
