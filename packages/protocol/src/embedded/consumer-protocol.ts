/**
 * What members of a classic consumer group put into JoinGroup (subscription) and get from SyncGroup (assignment). An
 * int16 version stands before each. All versions are classic.
 */
import { data } from '../codec.ts'
import { array, bytes, int32, string } from '../types.ts'

export const ConsumerProtocolSubscription = data('ConsumerProtocolSubscription', { versions: [0, 3] }, {
  topics:          array(string),
  userData:        bytes.nullable().default(null),
  ownedPartitions: array({ topic: string, partitions: array(int32) }).since(1).default([]).ignorable(),
  generationId:    int32.since(2).default(-1).ignorable(),
  rackId:          string.since(3).nullable().default(null).ignorable(),
})

export const ConsumerProtocolAssignment = data('ConsumerProtocolAssignment', { versions: [0, 3] }, {
  assignedPartitions: array({ topic: string, partitions: array(int32) }),
  userData:           bytes.nullable().default(null),
})
