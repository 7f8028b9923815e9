/** AssignReplicasToDirs (73). A broker tells the controller in which directories its replicas lie. */
import { api } from '../codec.ts'
import { array, int16, int32, int64, uuid } from '../types.ts'

export const AssignReplicasToDirs = api(73, 'AssignReplicasToDirs', {
  versions: [0, 0], flexible: 0, listeners: ['controller'],
}, {
  request: {
    brokerId:    int32,
    brokerEpoch: int64.default(-1),
    directories: array({
      id:     uuid,
      topics: array({
        topicId:    uuid,
        partitions: array({ partitionIndex: int32 }),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    directories:    array({
      id:     uuid,
      topics: array({
        topicId:    uuid,
        partitions: array({ partitionIndex: int32, errorCode: int16 }),
      }),
    }),
  },
})
