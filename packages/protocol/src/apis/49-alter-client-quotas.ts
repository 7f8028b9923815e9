/** AlterClientQuotas (49). Changes client quotas. */
import { api } from '../codec.ts'
import { array, bool, float64, int16, int32, string } from '../types.ts'

export const AlterClientQuotas = api(49, 'AlterClientQuotas', {
  versions: [0, 1], flexible: 1, listeners: ['broker', 'controller'],
}, {
  request: {
    entries:      array({
      entity: array({ entityType: string, entityName: string.nullable() }),
      ops:    array({ key: string, value: float64, remove: bool }),
    }),
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32.default(0),
    entries:        array({
      errorCode:    int16,
      errorMessage: string.nullable(),
      entity:       array({ entityType: string, entityName: string.nullable() }),
    }),
  },
})
