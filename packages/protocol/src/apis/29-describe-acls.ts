/** DescribeAcls (29). Lists ACLs that match a filter. */
import { api } from '../codec.ts'
import { array, int8, int16, int32, string } from '../types.ts'

export const DescribeAcls = api(29, 'DescribeAcls', {
  versions: [1, 3], flexible: 2, listeners: ['broker', 'controller'],
}, {
  request: {
    resourceTypeFilter: int8,
    resourceNameFilter: string.nullable(),
    patternTypeFilter:  int8.default(3),
    principalFilter:    string.nullable(),
    hostFilter:         string.nullable(),
    operation:          int8,
    permissionType:     int8,
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    errorMessage:   string.nullable(),
    resources:      array({
      resourceType: int8,
      resourceName: string,
      patternType:  int8.default(3),
      acls:         array({
        principal:      string,
        host:           string,
        operation:      int8,
        permissionType: int8,
      }),
    }),
  },
})
