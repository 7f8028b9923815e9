/**
 * kafka-reassign-partitions, kafka-leader-election and kafka-cluster unregister, where a broker is alone: what is asked for
 * is there already, or cannot be. Moves between brokers are in the simulator, and by hand (interop/README.md).
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import type { ToolCheck } from './tool-check.ts'
import type { ToolSession } from './tool-session.ts'

const TOPIC = 'reassigned'
const TOOL = 'kafka-reassign-partitions'

export const REASSIGNMENT_CHECKS: readonly ToolCheck[] = [
  { name: 'kafka-reassign-partitions', run: reassign },
  { name: 'kafka-leader-election', run: elect },
  { name: 'kafka-cluster: unregister', run: unregister },
]

async function reassign(session: ToolSession): Promise<void> {
  await session.succeed('kafka-topics', ['--create', '--topic', TOPIC, '--partitions', '2'])
  const topics = fileOf(session, 'topics.json', { version: 1, topics: [{ topic: TOPIC }] })
  const proposed = await session.succeed(TOOL, [
    '--generate',
    '--topics-to-move-json-file',
    topics,
    '--broker-list',
    '1',
  ])
  const [current, proposal] = proposed.split('\n').filter((line) => line.startsWith('{'))
  const places = (plan: string) => plan.replaceAll(/"log_dirs":\[[^\]]*\]/g, '')
  assert.equal(places(current!), places(proposal!), 'it is where it is to be')
  const plan = ['--reassignment-json-file', fileOf(session, 'plan.json', JSON.parse(proposal!))]
  const executed = await session.succeed(TOOL, ['--execute', ...plan])
  assert.match(executed, /Successfully started partition reassignments for reassigned-0,reassigned-1/)
  const verified = await session.succeed(TOOL, ['--verify', ...plan])
  for (const index of [0, 1])
    assert.match(verified, new RegExp(`Reassignment of partition ${TOPIC}-${index} is completed`))
  assert.match(await session.succeed(TOOL, ['--list']), /No partition reassignments found/)
  assert.match(await session.succeed(TOOL, ['--cancel', ...plan]), /None of the specified partition moves are active/)
  const nobody = { version: 1, partitions: [{ topic: TOPIC, partition: 0, replicas: [7] }] }
  const refused = await session.refused(TOOL, [
    '--execute',
    '--reassignment-json-file',
    fileOf(session, 'no.json', nobody),
  ])
  assert.match(refused, /Unknown broker id 7/)
}

function fileOf({ directory }: ToolSession, name: string, content: unknown): string {
  const path = directory.of(name)
  writeFileSync(path, JSON.stringify(content))
  return path
}

async function elect(session: ToolSession): Promise<void> {
  const topic = `${TOPIC}-elected`
  await session.succeed('kafka-topics', ['--create', '--topic', topic])
  const one = ['--election-type', 'preferred', '--topic', topic, '--partition', '0']
  assert.match(await session.succeed('kafka-leader-election', one), /Valid replica already elected for partitions/)
}

async function unregister(session: ToolSession): Promise<void> {
  const unknown = await session.refused('kafka-cluster', ['unregister', '--id', '7'])
  assert.match(unknown, /Broker ID 7 is not currently registered/)
}
