/** CreateAcls (30). Creates ACLs. */
import { api } from '../codec.ts'
import { array, int8, int16, int32, string } from '../types.ts'

export const CreateAcls = api(30, 'CreateAcls', {
  versions: [1, 3], flexible: 2, listeners: ['broker', 'controller'],
}, {
  request: {
    creations: array({
      resourceType:        int8,
      resourceName:        string,
      resourcePatternType: int8.default(3),
      principal:           string,
      host:                string,
      operation:           int8,
      permissionType:      int8,
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results:        array({ errorCode: int16, errorMessage: string.nullable() }),
  },
})
