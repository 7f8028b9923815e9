/** CreatePartitions (37). Adds partitions to topics. */
import { api } from '../codec.ts'
import { array, bool, int16, int32, string } from '../types.ts'

export const CreatePartitions = api(37, 'CreatePartitions', {
  versions: [0, 3], flexible: 2, listeners: ['broker', 'controller'],
}, {
  request: {
    topics:       array({
      name:        string,
      count:       int32,
      assignments: array({ brokerIds: array(int32) }).nullable(),
    }),
    timeoutMs:    int32,
    validateOnly: bool,
  },
  response: {
    throttleTimeMs: int32.default(0),
    results:        array({ name: string, errorCode: int16, errorMessage: string.nullable().default(null) }),
  },
})
