/** kafka-topics: topics are made, shown, grown and removed, and what is wrong is refused with the reason. */
import assert from 'node:assert/strict'
import type { ToolCheck } from './tool-check.ts'
import { linesOf } from './tool-output.ts'
import type { ToolSession } from './tool-session.ts'

const TOPIC = 'topics-tool'

export const TOPIC_CHECKS: readonly ToolCheck[] = [
  { name: 'kafka-topics: create, list, describe, delete', run: createAndDelete },
  { name: 'kafka-topics: alter partitions', run: addPartitions },
  { name: 'kafka-topics: refusals', run: refusals },
]

async function createAndDelete(session: ToolSession): Promise<void> {
  const config = ['--config', 'retention.ms=1000000', '--config', 'cleanup.policy=compact']
  const made = await session.succeed('kafka-topics', ['--create', '--topic', TOPIC, '--partitions', '3', ...config])
  assert.match(made, /Created topic topics-tool\./)
  assert(linesOf(await session.succeed('kafka-topics', ['--list'])).includes(TOPIC))
  const described = await session.succeed('kafka-topics', ['--describe', '--topic', TOPIC])
  const [head, ...partitions] = linesOf(described)
  assert.match(head!, /Topic: topics-tool\tTopicId: [\w-]{22}\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: /)
  assert.match(head!, /Configs: .*retention\.ms=1000000/)
  assert.match(head!, /Configs: .*cleanup\.policy=compact/)
  assert.equal(partitions.length, 3)
  for (const line of partitions) assert.match(line, /Leader: (\d+)\tReplicas: \1\tIsr: \1/)
  const again = ['--create', '--if-not-exists', '--topic', TOPIC]
  await session.succeed('kafka-topics', again)
  await session.succeed('kafka-topics', ['--delete', '--topic', TOPIC])
  assert(!linesOf(await session.succeed('kafka-topics', ['--list'])).includes(TOPIC))
}

async function addPartitions(session: ToolSession): Promise<void> {
  const topic = `${TOPIC}-grown`
  await session.succeed('kafka-topics', ['--create', '--topic', topic, '--partitions', '2'])
  await session.succeed('kafka-topics', ['--alter', '--topic', topic, '--partitions', '5'])
  assert.match(await session.succeed('kafka-topics', ['--describe', '--topic', topic]), /PartitionCount: 5\t/)
  const unhealthy = ['--describe', '--topic', topic, '--unavailable-partitions']
  assert.equal(await session.succeed('kafka-topics', unhealthy), '')
  const fewer = await session.refused('kafka-topics', ['--alter', '--topic', topic, '--partitions', '4'])
  assert.match(fewer, /currently has 5 partition\(s\); 4 would not be an increase/)
}

async function refusals(session: ToolSession): Promise<void> {
  const topic = `${TOPIC}-refused`
  await session.succeed('kafka-topics', ['--create', '--topic', topic])
  const refusals: readonly (readonly [args: readonly string[], reason: RegExp])[] = [
    [['--create', '--topic', topic], /Topic 'topics-tool-refused' already exists/],
    [['--create', '--topic', 'two-replicas', '--replication-factor', '2'], /replication factor/i],
    [['--create', '--topic', 'bad-config', '--config', 'retention.ms=soon'], /Invalid value soon .*retention\.ms/],
    [['--create', '--topic', 'bad name'], /Topic name "bad name" is /],
    [['--describe', '--topic', 'not-there'], /Topic 'not-there' does not exist as expected/],
    [['--delete', '--topic', 'not-there'], /Topic 'not-there' does not exist as expected/],
  ]
  for (const [args, reason] of refusals) assert.match(await session.refused('kafka-topics', args), reason)
}
