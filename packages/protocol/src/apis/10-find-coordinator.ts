/** FindCoordinator (10). Finds the coordinator of groups, transactions or share partitions. */
import { api } from '../codec.ts'
import { array, int8, int16, int32, string } from '../types.ts'

export const FindCoordinator = api(10, 'FindCoordinator', { versions: [0, 6], flexible: 3, listeners: ['broker'] }, {
  request: {
    key:             string.until(3).default(''),
    keyType:         int8.since(1).default(0),
    coordinatorKeys: array(string).since(4).default([]),
  },
  response: {
    throttleTimeMs: int32.since(1).default(0).ignorable(),
    errorCode:      int16.until(3).default(0),
    errorMessage:   string.since(1).until(3).nullable().ignorable(),
    nodeId:         int32.until(3).default(0),
    host:           string.until(3).default(''),
    port:           int32.until(3).default(0),
    coordinators:   array({
      key:          string,
      nodeId:       int32,
      host:         string,
      port:         int32,
      errorCode:    int16,
      errorMessage: string.nullable().ignorable(),
    }).since(4).default([]),
  },
})
