/** What Kafka Streams puts into a subscription's user data (classic protocol). It begins with its own int32 version. */
import { data } from '../codec.ts'
import { array, bytes, int8, int32, int64, string, uuid } from '../types.ts'

const taskId = { topicGroupId: int32.until(6).default(0), partition: int32.until(6).default(0) }

const partitionToOffsetSum = {
  partition: int32.since(7).until(9).default(0),
  offsetSum: int64.since(7).until(9).default(0),
}

const taskOffsetSum = {
  topicGroupId:         int32.since(7).default(0),
  partition:            int32.since(10).default(0),
  offsetSum:            int64.since(10).default(0),
  namedTopology:        string.since(10).nullable(),
  partitionToOffsetSum: array(partitionToOffsetSum).since(7).until(9).default([]),
}

const clientTag = { key: bytes.since(11), value: bytes.since(11) }

export const SubscriptionInfoData = data('SubscriptionInfoData', { versions: [1, 11] }, {
  version:                int32,
  latestSupportedVersion: int32.since(3).default(-1),
  processId:              uuid,
  prevTasks:              array(taskId).until(6).default([]),
  standbyTasks:           array(taskId).until(6).default([]),
  userEndPoint:           bytes.since(2),
  taskOffsetSums:         array(taskOffsetSum).since(7).default([]),
  uniqueField:            int8.since(8).default(0),
  errorCode:              int32.since(9).default(0),
  clientTags:             array(clientTag).since(11).default([]),
})
