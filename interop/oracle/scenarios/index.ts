/** All scenarios, in the order of their APIs. */
import type { Scenario } from '../scenario.ts'
import { PRODUCE } from './00-produce.ts'
import { FETCH } from './01-fetch.ts'
import { LIST_OFFSETS, OFFSET_FOR_LEADER_EPOCH } from './02-list-offsets.ts'
import { DESCRIBE_CLUSTER, DESCRIBE_TOPIC_PARTITIONS, METADATA } from './03-metadata.ts'
import { OFFSET_COMMIT } from './08-offset-commit.ts'
import { OFFSET_FETCH } from './09-offset-fetch.ts'
import { JOIN_GROUP } from './11-join-group.ts'
import { HEARTBEAT, LEAVE_GROUP, SYNC_GROUP } from './12-heartbeat.ts'
import { DELETE_GROUPS, DESCRIBE_GROUPS, LIST_GROUPS } from './15-describe-groups.ts'
import { API_VERSIONS, FIND_COORDINATOR, INIT_PRODUCER_ID } from './18-api-versions.ts'
import { CREATE_TOPICS } from './19-create-topics.ts'
import { DELETE_TOPICS } from './20-delete-topics.ts'
import { DELETE_RECORDS, DESCRIBE_LOG_DIRS } from './21-delete-records.ts'
import { DESCRIBE_CONFIGS } from './32-describe-configs.ts'
import { CREATE_PARTITIONS } from './37-create-partitions.ts'
import { ELECT_LEADERS } from './43-elect-leaders.ts'
import { ALTER_CONFIGS, INCREMENTAL_ALTER_CONFIGS } from './44-incremental-alter-configs.ts'
import { PARTITION_REASSIGNMENTS, UNREGISTER_BROKER } from './45-partition-reassignments.ts'
import { OFFSET_DELETE } from './47-offset-delete.ts'
import { UPDATE_FEATURES } from './57-update-features.ts'
import { CONSUMER_GROUP_DESCRIBE, CONSUMER_GROUP_HEARTBEAT } from './68-consumer-group-heartbeat.ts'
import { CONNECTIONS } from './connections.ts'
import { LIMITS } from './limits.ts'
import { LOG } from './log.ts'
import { MALFORMED } from './malformed.ts'

export const SCENARIOS: readonly Scenario[] = [
  ...[PRODUCE, FETCH, LIST_OFFSETS, METADATA, CONNECTIONS, FIND_COORDINATOR, API_VERSIONS, CREATE_TOPICS],
  ...[DELETE_TOPICS, DELETE_RECORDS, INIT_PRODUCER_ID, OFFSET_FOR_LEADER_EPOCH, DESCRIBE_CONFIGS, ALTER_CONFIGS],
  ...[DESCRIBE_LOG_DIRS, CREATE_PARTITIONS, INCREMENTAL_ALTER_CONFIGS, DESCRIBE_CLUSTER, DESCRIBE_TOPIC_PARTITIONS],
  ...[UPDATE_FEATURES, ELECT_LEADERS, PARTITION_REASSIGNMENTS, UNREGISTER_BROKER],
  ...[OFFSET_COMMIT, OFFSET_FETCH, JOIN_GROUP, HEARTBEAT, LEAVE_GROUP, SYNC_GROUP, DESCRIBE_GROUPS, LIST_GROUPS],
  ...[DELETE_GROUPS, OFFSET_DELETE, CONSUMER_GROUP_HEARTBEAT, CONSUMER_GROUP_DESCRIBE],
  ...[LIMITS, LOG, MALFORMED],
].flat()

/** All versions of the API that are advertised; unstable ones only where the broker's settings allow them. */
export function versionsOf({ api, versions, profile }: Scenario): number[] {
  const last = api.unstableLast && profile !== 'strict' ? api.versions[1] - 1 : api.versions[1]
  const [from, to] = versions ?? [api.versions[0], last]
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
