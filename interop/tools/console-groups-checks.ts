/** Kafka's consumers that join a group: kafka-console-consumer, kafka-consumer-perf-test and kafka-verifiable-consumer. */
import assert from 'node:assert/strict'
import { batchOf, connect, createTopic, produce } from '../cluster.ts'
import { committedOffsets } from '../groups/group-view.ts'
import { GROUP_PROTOCOLS, type GroupProtocol, joining, SILENCE_MS_MAX } from './group-words.ts'
import type { ToolCheck } from './tool-check.ts'
import { jsonLines, linesOf } from './tool-output.ts'
import type { ToolSession } from './tool-session.ts'

const PARTITIONS = 3
/** Of each partition. */
const RECORDS = 40
const ALL = PARTITIONS * RECORDS
/** Where the first of two members stops. Not at the end of a partition, however they are fetched. */
const FIRST_RECORDS = 50
const PERF_RECORDS = 9_000

export const CONSOLE_GROUP_CHECKS: readonly ToolCheck[] = [
  ...forBoth('kafka-console-consumer: in a group', halves),
  ...forBoth('kafka-consumer-perf-test', perf),
  ...forBoth('kafka-verifiable-consumer', verifiable),
]

function forBoth(name: string, check: (session: ToolSession, protocol: GroupProtocol) => Promise<void>): ToolCheck[] {
  return GROUP_PROTOCOLS.map((protocol) => ({
    name: `${name} (${protocol})`,
    run: async (session: ToolSession) => await check(session, protocol),
  }))
}

/** A member reads a part and leaves, a second one reads the rest, and a third finds nothing. */
async function halves(session: ToolSession, protocol: GroupProtocol): Promise<void> {
  const topic = `group-console-${protocol}`
  const values = await filled(session, topic, RECORDS)
  const args = ['--topic', topic, '--from-beginning', ...joining({ group: topic, protocol })]
  const member = async (count: number, silenceMs = SILENCE_MS_MAX): Promise<string[]> => {
    const bounds = ['--max-messages', String(count), '--timeout-ms', String(silenceMs)]
    return linesOf(await session.succeed('kafka-console-consumer', [...args, ...bounds]))
  }
  const first = await member(FIRST_RECORDS)
  assert.equal(first.length, FIRST_RECORDS, 'The first member reads as many as it was told')
  assert.equal(await committed(session, topic), FIRST_RECORDS, 'What it has read is committed, and no more')
  const second = await member(ALL - FIRST_RECORDS)
  assert.deepEqual([...first, ...second].toSorted(), values, 'Both together read each record once')
  assert.deepEqual(await member(1, 3_000), [], 'The group has read everything')
}

async function perf(session: ToolSession, protocol: GroupProtocol): Promise<void> {
  const topic = `group-perf-${protocol}`
  await filled(session, topic, PERF_RECORDS / PARTITIONS)
  const bounds = ['--num-records', String(PERF_RECORDS), '--timeout', String(SILENCE_MS_MAX)]
  const args = ['--topic', topic, ...bounds, ...joining({ group: topic, protocol })]
  const said = linesOf(await session.succeed('kafka-consumer-perf-test', args))
  const [names, figures] = [said.at(-2)!, said.at(-1)!].map((line) => line.split(', '))
  assert.equal(figures![names!.indexOf('data.consumed.in.nMsg')], String(PERF_RECORDS))
}

interface VerifiableLine {
  readonly name: string
  readonly count?: number
  readonly success?: boolean
  readonly partitions?: readonly { topic: string; partition: number }[]
  readonly offsets?: readonly { topic: string; partition: number; offset: number }[]
}

async function verifiable(session: ToolSession, protocol: GroupProtocol): Promise<void> {
  const topic = `group-verifiable-${protocol}`
  await filled(session, topic, RECORDS)
  const args = ['--topic', topic, '--group-id', topic, '--max-messages', String(ALL), '--reset-policy', 'earliest']
  const output = await session.succeed('kafka-verifiable-consumer', [...args, '--group-protocol', protocol])
  const said = jsonLines(output) as VerifiableLine[]
  const assigned = said.find(({ name }) => name === 'partitions_assigned')?.partitions
  assert.deepEqual(assigned?.map(({ partition }) => partition).toSorted(), [0, 1, 2])
  const counts = said.filter(({ name }) => name === 'records_consumed').map(({ count = 0 }) => count)
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    ALL,
  )
  const commits = said.filter(({ name }) => name === 'offsets_committed')
  assert(commits.length > 0 && commits.every(({ success }) => success), 'Every commit succeeds')
  assert(said.some(({ name }) => name === 'shutdown_complete'))
  assert.equal(await committed(session, topic), ALL)
}

/** Makes a topic of records, and answers with their values in the order of their text. */
async function filled(session: ToolSession, topic: string, count: number): Promise<string[]> {
  await using connection = await connect(session.address)
  await createTopic(connection, { name: topic, partitions: PARTITIONS })
  const values: string[] = []
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const own = Array.from({ length: count }, (_, index) => `${partition} ${index}`)
    const { error } = await produce(connection, { topic, partition }, batchOf(own))
    assert.equal(error, 'NONE')
    values.push(...own)
  }
  return values.toSorted()
}

/** Of all partitions together. */
async function committed(session: ToolSession, group: string): Promise<number> {
  await using connection = await connect(session.address)
  return [...(await committedOffsets(connection, group)).values()].reduce((sum, offset) => sum + offset, 0)
}
