/** The admin operations in one place. Each is a function of a client, told apart by what it is about. */
export type { AdminOptions, Outcome } from './admin/call.ts'
export {
  type ClusterDescription,
  describeCluster,
  describeLogDirs,
  type LogDirectory,
  unregisterBroker,
} from './admin/cluster.ts'
export {
  type ConfigChange,
  type ConfigDescription,
  type ConfigEntry,
  type ConfigResource,
  type ConfigSource,
  describeConfigs,
  incrementalAlterConfigs,
} from './admin/configs.ts'
export { type ElectionOutcome, electLeaders } from './admin/elections.ts'
export { type FeatureUpdate, updateFeatures } from './admin/features.ts'
export {
  alterGroupOffsets,
  deleteGroupOffsets,
  deleteGroups,
  describeGroups,
  endOffsets,
  type GroupDescription,
  type GroupListing,
  type GroupMember,
  type GroupOffset,
  listGroupOffsets,
  listGroups,
  type PartitionOutcome,
  removeMembers,
} from './admin/groups.ts'
export {
  alterPartitionReassignments,
  listPartitionReassignments,
  type Reassignment,
  type ReassignmentOutcome,
  type RunningReassignment,
} from './admin/reassignments.ts'
export { type DeletedRecords, deleteRecords, type RecordDeletion } from './admin/records.ts'
export {
  type CreatedTopic,
  createPartitions,
  createTopics,
  deleteTopics,
  describeTopics,
  listTopics,
  type NewTopic,
  type TopicDescription,
  type TopicPartition,
} from './admin/topics.ts'
export type { GroupPartition } from './consumer/group/membership.ts'
export type { NewOffset } from './consumer/group/offsets.ts'
export { type Isolation, listOffsets, type OffsetAnswer, type OffsetQuery, type OffsetSpec } from './offsets.ts'
