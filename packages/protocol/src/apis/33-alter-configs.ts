/** AlterConfigs (33). Replaces whole configurations; superseded by IncrementalAlterConfigs. */
import { api } from '../codec.ts'
import { array, bool, int8, int16, int32, string } from '../types.ts'

export const AlterConfigs = api(33, 'AlterConfigs', {
  versions: [0, 2], flexible: 2, listeners: ['broker', 'controller'],
}, {
  request: {
    resources:    array({
      resourceType: int8,
      resourceName: string,
      configs:      array({ name: string, value: string.nullable() }),
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
