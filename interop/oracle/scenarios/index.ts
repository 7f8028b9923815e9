/** All scenarios, in the order of their APIs. */
import type { Scenario } from '../scenario.ts'
import { PRODUCE } from './00-produce.ts'
import { FETCH } from './01-fetch.ts'
import { LIST_OFFSETS, OFFSET_FOR_LEADER_EPOCH } from './02-list-offsets.ts'
import { DESCRIBE_CLUSTER, DESCRIBE_TOPIC_PARTITIONS, METADATA } from './03-metadata.ts'
import { API_VERSIONS, FIND_COORDINATOR, INIT_PRODUCER_ID } from './18-api-versions.ts'
import { CREATE_PARTITIONS, CREATE_TOPICS, DELETE_TOPICS } from './19-create-topics.ts'
import { DELETE_RECORDS, DESCRIBE_LOG_DIRS } from './21-delete-records.ts'
import { DESCRIBE_CONFIGS } from './32-describe-configs.ts'
import { ALTER_CONFIGS, INCREMENTAL_ALTER_CONFIGS } from './44-incremental-alter-configs.ts'
import { CONNECTIONS } from './connections.ts'

export const SCENARIOS: readonly Scenario[] = [
  ...[PRODUCE, FETCH, LIST_OFFSETS, METADATA, CONNECTIONS, FIND_COORDINATOR, API_VERSIONS, CREATE_TOPICS],
  ...[DELETE_TOPICS, DELETE_RECORDS, INIT_PRODUCER_ID, OFFSET_FOR_LEADER_EPOCH, DESCRIBE_CONFIGS, ALTER_CONFIGS],
  ...[DESCRIBE_LOG_DIRS, CREATE_PARTITIONS, INCREMENTAL_ALTER_CONFIGS, DESCRIBE_CLUSTER, DESCRIBE_TOPIC_PARTITIONS],
].flat()

/** All versions of the API that are advertised; unstable ones only where the broker's settings allow them. */
export function versionsOf({ api, versions, profile }: Scenario): number[] {
  const last = api.unstableLast && profile !== 'strict' ? api.versions[1] - 1 : api.versions[1]
  const [from, to] = versions ?? [api.versions[0], last]
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
