/** ListConfigResources (74). Lists configuration resources; v0 client metrics only. */
import { api } from '../codec.ts'
import { array, int8, int16, int32, string } from '../types.ts'

export const ListConfigResources = api(74, 'ListConfigResources', {
  versions: [0, 1], flexible: 0, listeners: ['broker'],
}, {
  request: {
    resourceTypes: array(int8).since(1).default([]),
  },
  response: {
    throttleTimeMs:  int32.default(0),
    errorCode:       int16,
    configResources: array({ resourceName: string, resourceType: int8.since(1).default(16).ignorable() }),
  },
})
