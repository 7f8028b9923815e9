/** The one list of what is checked with Kafka's tools, in the order in which it is run. */
import { CLUSTER_CHECKS } from './cluster-checks.ts'
import { COMPACTED_LOG_CHECKS } from './compacted-log-checks.ts'
import { CONFIG_CHECKS } from './config-checks.ts'
import { CONSOLE_GROUP_CHECKS } from './console-groups-checks.ts'
import { GROUP_CHECKS } from './group-checks.ts'
import { LOG_FILE_CHECKS } from './log-file-checks.ts'
import { PARTITION_CHECKS } from './partition-checks.ts'
import { REASSIGNMENT_CHECKS } from './reassignment-checks.ts'
import { RECORD_CHECKS } from './record-checks.ts'
import { RETENTION_CHECKS } from './retention-checks.ts'
import { SHARED_LOG_CHECKS } from './shared-log-checks.ts'
import type { ToolCheck } from './tool-check.ts'
import { TOPIC_CHECKS } from './topic-checks.ts'
import { UNSERVED_CHECKS } from './unserved-checks.ts'

export const TOOL_CHECKS: readonly ToolCheck[] = [
  ...TOPIC_CHECKS,
  ...CONFIG_CHECKS,
  ...RECORD_CHECKS,
  ...PARTITION_CHECKS,
  ...CLUSTER_CHECKS,
  ...REASSIGNMENT_CHECKS,
  ...LOG_FILE_CHECKS,
  ...RETENTION_CHECKS,
  ...SHARED_LOG_CHECKS,
  ...COMPACTED_LOG_CHECKS,
  ...CONSOLE_GROUP_CHECKS,
  ...GROUP_CHECKS,
  ...UNSERVED_CHECKS,
]
