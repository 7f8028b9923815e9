/** DeleteAcls (31). Deletes ACLs that match filters. */
import { api } from '../codec.ts'
import { array, int8, int16, int32, string } from '../types.ts'

export const DeleteAcls = api(31, 'DeleteAcls', {
  versions: [1, 3], flexible: 2, listeners: ['broker', 'controller'],
}, {
  request: {
    filters: array({
      resourceTypeFilter: int8,
      resourceNameFilter: string.nullable(),
      patternTypeFilter:  int8.default(3),
      principalFilter:    string.nullable(),
      hostFilter:         string.nullable(),
      operation:          int8,
      permissionType:     int8,
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    filterResults:  array({
      errorCode:    int16,
      errorMessage: string.nullable(),
      matchingAcls: array({
        errorCode:      int16,
        errorMessage:   string.nullable(),
        resourceType:   int8,
        resourceName:   string,
        patternType:    int8.default(3),
        principal:      string,
        host:           string,
        operation:      int8,
        permissionType: int8,
      }),
    }),
  },
})
