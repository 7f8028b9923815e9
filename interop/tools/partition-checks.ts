/** Tools that ask about partitions: kafka-get-offsets, kafka-delete-records and kafka-log-dirs. */
import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import { batchOf, connect, createTopic, produce } from '../cluster.ts'
import type { ToolCheck } from './tool-check.ts'
import { jsonLines, offsetsIn } from './tool-output.ts'
import type { ToolSession } from './tool-session.ts'

export const PARTITION_CHECKS: readonly ToolCheck[] = [
  { name: 'kafka-get-offsets', run: getOffsets },
  { name: 'kafka-delete-records', run: deleteRecords },
  { name: 'kafka-log-dirs', run: logDirs },
]

/**
 * What kafka-get-offsets finds at each time: in partition 0, whose records are of 1,000, 9,000 and 5,000 ms, and in
 * partition 1, which is empty: it has a beginning and an end, but no record that a time could find.
 */
const OFFSETS_AT: readonly (readonly [time: string, ...offsets: number[]])[] = [
  ['-1', 3, 0],
  ['latest', 3, 0],
  ['-2', 0, 0],
  ['earliest', 0, 0],
  ['-3', 1],
  ['max-timestamp', 1],
  ['-4', 0, 0],
  ['earliest-local', 0, 0],
  // There is no tiered storage: nothing is tiered and nothing waits to be.
  ['-5'],
  ['latest-tiered'],
  ['-6'],
  ['earliest-pending-upload'],
  ['4000', 1],
  ['9001'],
]

async function getOffsets(session: ToolSession): Promise<void> {
  const topic = 'get-offsets'
  await using connection = await connect(session.address)
  await createTopic(connection, { name: topic, partitions: 2 })
  for (const timestampMs of [1_000, 9_000, 5_000]) await produce(connection, { topic }, recordAt(timestampMs))
  for (const [time, ...offsets] of OFFSETS_AT) {
    const output = await session.succeed('kafka-get-offsets', ['--topic', topic, '--time', time])
    assert.deepEqual([...offsetsIn(output, topic).values()], offsets, `kafka-get-offsets --time ${time}`)
  }
  const one = await session.succeed('kafka-get-offsets', ['--topic-partitions', `${topic}:0`])
  assert.deepEqual(offsetsIn(one, topic), new Map([[0, 3]]))
}

async function deleteRecords(session: ToolSession): Promise<void> {
  const topic = 'delete-records'
  await using connection = await connect(session.address)
  await createTopic(connection, { name: topic, partitions: 2 })
  for (const partition of [0, 1]) await produce(connection, { topic, partition }, batchOf(['a', 'b', 'c']))
  const partitions = [
    { topic, partition: 0, offset: 2 },
    { topic, partition: 1, offset: -1 },
  ]
  const said = await session.succeed('kafka-delete-records', ['--offset-json-file', plan(session, partitions)])
  assert.match(said, /^partition: delete-records-0\tlow_watermark: 2$/m)
  assert.match(said, /^partition: delete-records-1\tlow_watermark: 3$/m)
  const starts = await session.succeed('kafka-get-offsets', ['--topic', topic, '--time', 'earliest'])
  assert.deepEqual(
    offsetsIn(starts, topic),
    new Map([
      [0, 2],
      [1, 3],
    ]),
  )
  const beyond = plan(session, [{ topic, partition: 0, offset: 9 }])
  assert.match(
    await session.succeed('kafka-delete-records', ['--offset-json-file', beyond]),
    /OffsetOutOfRangeException/,
  )
}

async function logDirs(session: ToolSession): Promise<void> {
  const topic = 'log-dirs'
  await using connection = await connect(session.address)
  await createTopic(connection, { name: topic })
  await produce(connection, { topic }, batchOf(['a', 'b', 'c']))
  const [answer] = jsonLines(await session.succeed('kafka-log-dirs', ['--describe', '--topic-list', topic]))
  const [directory] = (answer as LogDirs).brokers[0]!.logDirs
  assert.equal(directory!.error, null)
  assert.equal(directory!.logDir, session.dataDir)
  const { size } = statSync(`${session.dataDir}/${topic}-0/00000000000000000000.log`)
  assert.deepEqual(directory!.partitions, [{ partition: `${topic}-0`, size, offsetLag: 0, isFuture: false }])
}

interface LogDirs {
  readonly brokers: readonly {
    readonly logDirs: readonly {
      readonly error: null
      readonly logDir: string
      readonly partitions: readonly unknown[]
    }[]
  }[]
}

function recordAt(timestampMs: number): Buffer {
  const builder = new BatchBuilder()
  builder.append({ timestampMs, key: null, value: 'x' })
  return Buffer.from(builder.build())
}

/** The file in which kafka-delete-records is told what to delete. */
function plan(session: ToolSession, partitions: readonly unknown[]): string {
  const path = session.directory.of('delete-records.json')
  writeFileSync(path, JSON.stringify({ version: 1, partitions }))
  return path
}
