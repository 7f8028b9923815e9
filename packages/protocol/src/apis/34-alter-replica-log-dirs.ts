/** AlterReplicaLogDirs (34). Moves replicas between a broker's log directories. */
import { api } from '../codec.ts'
import { array, int16, int32, string } from '../types.ts'

export const AlterReplicaLogDirs = api(34, 'AlterReplicaLogDirs', {
  versions: [1, 2], flexible: 2, listeners: ['broker'],
}, {
  request: {
    dirs: array({
      path:   string,
      topics: array({ name: string, partitions: array(int32) }),
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results:        array({
      topicName:  string,
      partitions: array({ partitionIndex: int32, errorCode: int16 }),
    }),
  },
})
