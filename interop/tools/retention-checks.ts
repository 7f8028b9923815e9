/** Old records go: by age, by size and with their topic, as Kafka's tools set it and see it. */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { systemClock } from '@ottla/base/clock.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import { BrokerProcess } from '../broker-process.ts'
import { connect, produce } from '../cluster.ts'
import type { ToolCheck } from './tool-check.ts'
import { linesOf, offsetsIn } from './tool-output.ts'
import type { ToolSession } from './tool-session.ts'

const TOPIC = 'retention-tool'
const HOUR_MS = 3_600_000
/** A broker that looks several times a second, and removes files soon. */
const QUICK = ['log.initial.task.delay.ms', 'log.retention.check.interval.ms', 'log.segment.delete.delay.ms']
const QUICK_ARGS = QUICK.flatMap((name) => ['--set', `${name}=200`])
/** Files go a moment after their topic. */
const GONE_MS_MAX = 10_000
const GONE_RETRY_MS = 50
/** Starting a tool takes longer than a check does: more tries are for a machine that is busy. */
const TRIES_MAX = 10

export const RETENTION_CHECKS: readonly ToolCheck[] = [{ name: 'kafka-configs: what retention keeps', run: retention }]

async function retention(shared: ToolSession): Promise<void> {
  const dataDir = shared.directory.of('retention')
  await using broker = await BrokerProcess.start({ dataDir, args: QUICK_ARGS })
  const session = shared.at(broker, dataDir)
  await session.succeed('kafka-topics', ['--create', '--topic', TOPIC])
  for (const hoursAgo of [3, 2, 1]) await produceAged(session, hoursAgo * HOUR_MS)
  assert.deepEqual(await placesOf(session), [0, 3])
  await keep(session, `retention.ms=${0.5 * HOUR_MS}`)
  await starts(session, 3)
  await produceAged(session, 0)
  await produceAged(session, 0)
  assert.deepEqual(await placesOf(session), [3, 5])
  const reading = ['--topic', TOPIC, '--from-beginning', '--max-messages', '2', '--timeout-ms', '30000']
  assert.deepEqual(linesOf(await session.succeed('kafka-console-consumer', reading)), ['x', 'x'])
  await keep(session, 'retention.bytes=0')
  await starts(session, 5)
  assert.match(await session.succeed('kafka-log-dirs', ['--describe', '--topic-list', TOPIC]), /"size":0,/)
  await session.succeed('kafka-topics', ['--delete', '--topic', TOPIC])
  await isGone(session)
}

async function produceAged({ address }: ToolSession, ageMs: number): Promise<void> {
  await using connection = await connect(address)
  const builder = new BatchBuilder()
  builder.append({ timestampMs: systemClock.wallMs() - ageMs, key: null, value: 'x' })
  await produce(connection, { topic: TOPIC }, Buffer.from(builder.build()))
}

async function keep(session: ToolSession, config: string): Promise<void> {
  const topic = ['--entity-type', 'topics', '--entity-name', TOPIC]
  await session.succeed('kafka-configs', ['--alter', ...topic, '--add-config', config])
}

/** Where the partition begins and where it ends. */
async function placesOf(session: ToolSession): Promise<number[]> {
  const places: number[] = []
  for (const time of ['earliest', 'latest']) {
    const output = await session.succeed('kafka-get-offsets', ['--topic', TOPIC, '--time', time])
    places.push(offsetsIn(output, TOPIC).get(0)!)
  }
  return places
}

async function starts(session: ToolSession, offset: number): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) if ((await placesOf(session))[0] === offset) return
  assert.fail(`The log of ${TOPIC} does not come to start at ${offset}`)
}

async function isGone({ dataDir }: ToolSession): Promise<void> {
  const isThere = () => readdirSync(dataDir).some((name) => name.startsWith(TOPIC))
  for (let waitedMs = 0; isThere(); waitedMs += GONE_RETRY_MS) {
    assert(waitedMs < GONE_MS_MAX, `The files of ${TOPIC} are gone`)
    await systemTimers.sleep(GONE_RETRY_MS)
  }
}
