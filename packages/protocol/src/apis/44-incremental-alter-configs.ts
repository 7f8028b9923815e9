/** IncrementalAlterConfigs (44). Changes single configuration entries (KIP-339). */
import { api } from '../codec.ts'
import { array, bool, int8, int16, int32, string } from '../types.ts'

export const IncrementalAlterConfigs = api(44, 'IncrementalAlterConfigs', {
  versions: [0, 1], flexible: 1, listeners: ['broker', 'controller'],
}, {
  request: {
    resources:    array({
      resourceType: int8,
      resourceName: string,
      configs:      array({ name: string, configOperation: int8, value: string.nullable() }),
    }),
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32.default(0),
    responses:      array({
      errorCode:    int16,
      errorMessage: string.nullable(),
      resourceType: int8,
      resourceName: string,
    }),
  },
})
