/** AlterPartitionReassignments (45). Starts or cancels moves of partitions to other brokers. */
import { api } from '../codec.ts'
import { array, bool, int16, int32, string } from '../types.ts'

export const AlterPartitionReassignments = api(45, 'AlterPartitionReassignments', {
  versions: [0, 1], flexible: 0, listeners: ['broker', 'controller'],
}, {
  request: {
    timeoutMs:                    int32.default(60000),
    allowReplicationFactorChange: bool.since(1).default(true),
    topics:                       array({
      name:       string,
      partitions: array({ partitionIndex: int32, replicas: array(int32).nullable().default(null) }),
    }),
  },
  response: {
    throttleTimeMs:               int32.default(0),
    allowReplicationFactorChange: bool.since(1).default(true).ignorable(),
    errorCode:                    int16,
    errorMessage:                 string.nullable(),
    responses:                    array({
      name:       string,
      partitions: array({ partitionIndex: int32, errorCode: int16, errorMessage: string.nullable() }),
    }),
  },
})
