/** kafka-dump-log on the files of a topic with several segments, while the broker that writes them runs. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { connect, createTopic, endOffset } from '../cluster.ts'
import { CODECS } from '../round-trip-clients.ts'
import type { ToolCheck } from './tool-check.ts'
import { dumpedEntries, linesOf } from './tool-output.ts'
import type { ToolSession } from './tool-session.ts'

const TOPIC = 'dump-log'
const RECORDS = 600
/** As many of a producer's batches as a snapshot holds. */
const SNAPSHOT_BATCHES = 5

export const LOG_FILE_CHECKS: readonly ToolCheck[] = [{ name: 'kafka-dump-log', run: dumpLog }]

async function dumpLog(session: ToolSession): Promise<void> {
  await fill(session)
  const folder = `${session.dataDir}/${TOPIC}-0`
  const files = (suffix: string) => filesOf(folder, suffix)
  assert(files('.log').length > 2, 'There are several segments')
  await logsAreValid(session, files('.log'))
  for (const index of [...files('.index').slice(0, -1), ...files('.timeindex').slice(0, -1)]) {
    const said = await session.succeed('kafka-dump-log', ['--files', index])
    assert(/^(offset|timestamp): \d+ (position|offset): \d+$/m.test(said), said)
    assert.doesNotMatch(said, /mismatch|out of order|not found|Found/i)
    const checked = await session.succeed('kafka-dump-log', ['--files', index, '--index-sanity-check'])
    assert.match(checked, /passed sanity check\.$/m)
  }
  const snapshots = files('.snapshot')
  assert(snapshots.length > 0, 'There is a snapshot of producers')
  for (const snapshot of snapshots) await snapshotIsRead(session, snapshot)
}

/** Each codec by an idempotent producer with several batches under way; random letters, so that segments fill. */
async function fill(session: ToolSession): Promise<void> {
  await using connection = await connect(session.address)
  await createTopic(connection, { name: TOPIC, configs: { 'segment.bytes': '1048576' } })
  for (const codec of CODECS) {
    const load = ['--num-records', String(RECORDS), '--record-size', '1500', '--throughput', '-1']
    await session.succeed('kafka-producer-perf-test', [
      ...['--topic', TOPIC, ...load],
      ...['--command-property', `compression.type=${codec}`, 'acks=all'],
    ])
  }
  assert.equal(await endOffset(connection, TOPIC), RECORDS * CODECS.length)
}

async function logsAreValid(session: ToolSession, logs: readonly string[]): Promise<void> {
  let next = 0
  const codecs = new Set<string>()
  for (const log of logs) {
    for (const batch of dumpedEntries(await session.succeed('kafka-dump-log', ['--files', log]), 'baseOffset')) {
      assert.equal(batch.get('isvalid'), 'true')
      assert.equal(Number(batch.get('baseOffset')), next, 'Batches follow one another')
      next = Number(batch.get('lastOffset')) + 1
      codecs.add(batch.get('compresscodec')!)
    }
  }
  assert.deepEqual([...codecs].toSorted(), [...CODECS].toSorted())
  const deep = await session.succeed('kafka-dump-log', ['--files', logs.join(','), '--deep-iteration'])
  assert.equal(recordLines(deep).length, next, 'Every record is found behind its batch')
  const printed = await session.succeed('kafka-dump-log', ['--files', logs.join(','), '--print-data-log'])
  const payloads = recordLines(printed).filter((line) => / payload: [A-Z]{1500}$/.test(line))
  assert.equal(payloads.length, next, 'Every record is shown with its value')
}

async function snapshotIsRead(session: ToolSession, snapshot: string): Promise<void> {
  const entries = dumpedEntries(await session.succeed('kafka-dump-log', ['--files', snapshot]), 'producerId')
  assert(entries.length > 0, 'A snapshot names its producers')
  const byProducer = Map.groupBy(entries, (entry) => entry.get('producerId'))
  for (const batches of byProducer.values()) {
    assert(batches.length <= SNAPSHOT_BATCHES)
    const ends = batches.map((batch) => Number(batch.get('lastOffset')))
    assert.deepEqual(
      ends,
      ends.toSorted((a, b) => a - b),
      'The newest batch comes last: Kafka believes that one',
    )
  }
}

function recordLines(output: string): string[] {
  return linesOf(output).filter((line) => line.startsWith('| offset: '))
}

/** By their offsets. */
function filesOf(folder: string, suffix: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .toSorted()
    .map((name) => `${folder}/${name}`)
}
