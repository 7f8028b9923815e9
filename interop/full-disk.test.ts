/** A broker whose disk is full: it says so by partition, stays alive, and has all that it acknowledged once there is room. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import type { ErrorName } from '@ottla/protocol/errors.ts'
import { BrokerProcess } from './broker-process.ts'
import { batchOf, connect, createTopic, fetchOnce, produce } from './cluster.ts'
import { recordsOf } from './partition-contents.ts'
import { SmallDisk } from './small-disk.ts'

const MEBIBYTE = 1_048_576
const DISK_BYTES = 48 * MEBIBYTE
const ENLARGED_BYTES = 128 * MEBIBYTE
const TOPIC = 'filling'
/** More batches than the disk can hold: a broker that never says that it is full fails the test. */
const BATCHES_MAX = 100
/** A log is tried again at least every thirty seconds. */
const TRY_EVERY_MS = 250
const TRIES_MAX = 240
const PADDING = 'x'.repeat(900_000)

const disk = await SmallDisk.mount(DISK_BYTES)
const skip = 'skip' in disk ? { skip: disk.skip } : {}

after(async () => {
  if (!('skip' in disk)) await disk[Symbol.asyncDispose]()
})

test(
  'a full disk is KAFKA_STORAGE_ERROR, and where there is room again it is used without a restart',
  skip,
  async (context) => {
    assert(!('skip' in disk))
    const dataDir = `${disk.path}/data`
    await using broker = await BrokerProcess.start({ dataDir })
    await using client = await connect(broker)
    await createTopic(client, { name: TOPIC })
    const acknowledged = await fill(broker, client)
    context.diagnostic(`${acknowledged.size} batches of ${PADDING.length} bytes were acknowledged`)
    assert(acknowledged.size > 0)
    await disk.enlarge(ENLARGED_BYTES)
    acknowledged.set(await produceInTheEnd(client), 'room again')
    assertStored(await recordsOf(client, { topic: TOPIC }), acknowledged)
    assert.deepEqual(await broker.stop(), { exitCode: 0, signal: null })
    await using again = await BrokerProcess.start({ dataDir })
    await using reader = await connect(again)
    assertStored(await recordsOf(reader, { topic: TOPIC }), acknowledged)
  },
)

/** Produces until the disk is full; answers with the name of each acknowledged record by its offset. */
async function fill(broker: BrokerProcess, client: BrokerConnection): Promise<Map<number, string>> {
  const acknowledged = new Map<number, string>()
  const linesBefore = broker.logLines.length
  let error: ErrorName = 'NONE'
  for (let count = 0; count < BATCHES_MAX && error === 'NONE'; count++) {
    const name = `record-${count}`
    const produced = await produce(client, { topic: TOPIC }, batchOf([`${name} ${PADDING}`]))
    error = produced.error
    if (error === 'NONE') acknowledged.set(produced.baseOffset, name)
  }
  assert.equal(error, 'KAFKA_STORAGE_ERROR')
  await stillServes(broker)
  const again = await produce(client, { topic: TOPIC }, batchOf([PADDING]))
  assert.equal(again.error, 'KAFKA_STORAGE_ERROR', 'A log that could not write takes nothing before it is opened anew')
  const lines = await broker.logLinesFrom(linesBefore, 1)
  const failures = lines.filter((line) => line.includes('A partition is offline'))
  assert.equal(failures.length, 1, `One line tells of the failed log:\n${lines.join('\n')}`)
  assert.match(failures[0]!, new RegExp(TOPIC))
  return acknowledged
}

/** The offset of a record that is taken as soon as the broker has found that there is room. */
async function produceInTheEnd(client: BrokerConnection): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { error, baseOffset } = await produce(client, { topic: TOPIC }, batchOf(['room again ']))
    if (error === 'NONE') return baseOffset
    assert.equal(error, 'KAFKA_STORAGE_ERROR')
    await delay(TRY_EVERY_MS)
  }
  assert.fail('The broker uses the room in the end')
}

function assertStored(
  records: readonly { offset: number; value: string | null }[],
  acknowledged: ReadonlyMap<number, string>,
): void {
  const stored = new Map(records.map(({ offset, value }) => [offset, value]))
  for (const [offset, name] of acknowledged) assert.equal(stored.get(offset)?.startsWith(`${name} `), true, name)
}

async function stillServes(broker: BrokerProcess): Promise<void> {
  await using other = await connect(broker)
  const { topics } = await other.request(Metadata, { topics: [{ name: TOPIC }] })
  assert.equal(topics[0]!.errorCode, 0)
  const { error } = await fetchOnce(other, { topic: TOPIC, offset: 0 })
  assert(error === 'NONE' || error === 'KAFKA_STORAGE_ERROR')
  assert(broker.isRunning)
}
