/** DescribeCluster (60). Describes the cluster: its id, controller and brokers. */
import { api } from '../codec.ts'
import { array, bool, int8, int16, int32, string } from '../types.ts'

export const DescribeCluster = api(60, 'DescribeCluster', {
  versions: [0, 2], flexible: 0, listeners: ['broker', 'controller'],
}, {
  request: {
    includeClusterAuthorizedOperations: bool,
    endpointType:                       int8.since(1).default(1),
    includeFencedBrokers:               bool.since(2).default(false),
  },
  response: {
    throttleTimeMs:              int32.default(0),
    errorCode:                   int16,
    errorMessage:                string.nullable().default(null),
    endpointType:                int8.since(1).default(1),
    clusterId:                   string,
    controllerId:                int32.default(-1),
    brokers:                     array({
      brokerId: int32,
      host:     string,
      port:     int32,
      rack:     string.nullable().default(null),
      isFenced: bool.since(2).default(false),
    }),
    clusterAuthorizedOperations: int32.default(-2147483648),
  },
})
