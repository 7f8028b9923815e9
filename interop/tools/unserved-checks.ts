/**
 * What Ottla does not serve is refused by Kafka's tools at once, and by name: they look at what the broker advertises.
 * An API that is served from now on takes its rows from here to a check of its own.
 */
import assert from 'node:assert/strict'
import type { KafkaTool } from './kafka-tools.ts'
import type { ToolCheck } from './tool-check.ts'
import type { ToolSession } from './tool-session.ts'

interface Unserved {
  readonly tool: KafkaTool
  readonly args: readonly string[]
  readonly says: RegExp
}

const UNSERVED: readonly Unserved[] = [
  { tool: 'kafka-metadata-quorum', args: ['describe', '--status'], says: /does not support DESCRIBE_QUORUM/ },
  { tool: 'kafka-metadata-quorum', args: ['describe', '--replication'], says: /does not support DESCRIBE_QUORUM/ },
  {
    tool: 'kafka-configs',
    args: ['--describe', '--entity-type', 'users'],
    says: /does not support DESCRIBE_CLIENT_QUOTAS/,
  },
  { tool: 'kafka-transactions', args: ['list'], says: /does not support LIST_TRANSACTIONS/ },
  { tool: 'kafka-acls', args: ['--list'], says: /does not support DESCRIBE_ACLS/ },
]

export const UNSERVED_CHECKS: readonly ToolCheck[] = UNSERVED.map(({ tool, args, says }) => ({
  name: `${tool}: ${args.join(' ')} is not served`,
  run: async (session: ToolSession) => assert.match(await session.refused(tool, args), says),
}))
