/**
 * An embedded broker whose disk takes seconds for a sync, all of it or one of two log directories. Nobody may be
 * answered before the sync, and what needs none, or another disk's, must not wait.
 */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '@ottla/base/clock.ts'
import type { DiskFile } from '@ottla/base/disk.ts'
import { NodeDisk } from '@ottla/base/node-disk.ts'
import { Broker } from '@ottla/broker/broker.ts'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { connect, createTopic, fetchOnce } from '../cluster.ts'
import { TempDirectory } from '../temp-directory.ts'
import type { Step } from '../transcript.ts'
import { SteadyLoad } from './steady-load.ts'

const SYNC_MS = 2_000
const HEALTHY_MS = 2_000
const SLOW_MS = 10_000
const TOPIC = 'slow'
/** More than the broker has syncs under way at once. */
const PARTITIONS = 32
/** What does not wait for the slow disk, on a machine that does other things too. */
const PROMPT_MS_MAX = 1_000

class SlowDisk extends NodeDisk {
  /** Files below it are slow; null: none is. */
  slowPath: string | null = null

  override open(path: string, options?: { create?: boolean; readOnly?: boolean }): DiskFile {
    return new SlowFile(super.open(path, options), this)
  }

  async beforeSync(path: string): Promise<void> {
    if (this.slowPath !== null && path.startsWith(this.slowPath)) await delay(SYNC_MS)
  }
}

class SlowFile implements DiskFile {
  readonly path: string
  readonly #file: DiskFile
  readonly #disk: SlowDisk

  constructor(file: DiskFile, disk: SlowDisk) {
    this.#file = file
    this.#disk = disk
    this.path = file.path
  }

  async sync(): Promise<void> {
    await this.#disk.beforeSync(this.path)
    await this.#file.sync()
  }

  size = (): number => this.#file.size()
  write = (bytes: Uint8Array, position: number): void => this.#file.write(bytes, position)
  readSync = (into: Uint8Array, position: number): number => this.#file.readSync(into, position)
  read = (into: Uint8Array, position: number): Promise<number> => this.#file.read(into, position)
  syncNow = (): void => this.#file.syncNow()
  truncate = (size: number): void => this.#file.truncate(size)
  close = (): void => this.#file.close()
}

/** Every partition waits for its syncs; metadata and reads do not. */
export async function slowDisk(_steps: Step[]): Promise<string> {
  using directory = new TempDirectory('slow-disk')
  return await withBroker([directory.of('data')], async ({ disk, broker, connection }) => {
    await using load = await SteadyLoad.start(broker, { topic: TOPIC, partition: 0 })
    await delay(HEALTHY_MS)
    const before = load.endPhase()
    disk.slowPath = directory.path
    const askedMs = await slowestAnswer(connection, SLOW_MS)
    const during = load.endPhase()
    disk.slowPath = null
    const backMs = await load.untilAcknowledged(2 * SYNC_MS + PROMPT_MS_MAX)
    await load.stop()
    assert(during.slowestMs >= SYNC_MS, 'Nobody is told before the sync')
    assert.deepEqual([during.refused.size, during.acknowledged > 0], [0, true], 'It is late, and no error')
    assert(askedMs < PROMPT_MS_MAX, `Metadata and reads are prompt, not ${askedMs} ms`)
    const kept = await load.checkStored(connection)
    const told = `before: ${before.text}; syncs of ${SYNC_MS} ms for ${SLOW_MS / 1000} s: ${during.text}`
    return `${told}; metadata and reads meanwhile within ${askedMs.toFixed(0)} ms; back after ${(backMs / 1000).toFixed(1)} s; all ${kept} there`
  })
}

/** Writers to the quick directory are told as promptly as if there were no other. */
export async function slowDirectory(_steps: Step[]): Promise<string> {
  using quick = new TempDirectory('quick')
  using slow = new TempDirectory('slow')
  return await withBroker([quick.of('data'), slow.of('data')], async ({ disk, broker, connection }) => {
    await using loads = new AsyncDisposableStack()
    const [quickLoads, slowLoads]: [SteadyLoad[], SteadyLoad[]] = [[], []]
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const load = loads.use(await SteadyLoad.start(broker, { topic: TOPIC, partition }))
      const isQuick = disk.exists(quick.of('data', `${TOPIC}-${partition}`))
      if (!isQuick) slowLoads.push(load)
      else if (quickLoads.length === 0) quickLoads.push(load)
      else await load.stop()
    }
    const [quickLoad] = quickLoads
    assert(quickLoad !== undefined && slowLoads.length > 0, 'Partitions go to all log directories')
    await delay(HEALTHY_MS)
    for (const load of [quickLoad, slowLoads[0]!]) load.endPhase()
    disk.slowPath = slow.path
    await delay(SLOW_MS)
    const during = quickLoad.endPhase()
    const slowDuring = slowLoads[0]!.endPhase()
    disk.slowPath = null
    for (const load of [quickLoad, ...slowLoads]) await load.stop()
    for (const load of [quickLoad, ...slowLoads]) await load.checkStored(connection)
    const told = `${slowLoads.length} partitions with syncs of ${SYNC_MS} ms, one of them: ${slowDuring.text}; in the other directory: ${during.text}`
    assert(during.slowestMs < PROMPT_MS_MAX, `The other directory is not held up; ${told}`)
    return told
  })
}

interface Slowed {
  readonly disk: SlowDisk
  readonly broker: { readonly host: string; readonly port: number }
  readonly connection: BrokerConnection
}

async function withBroker(directories: readonly string[], act: (slowed: Slowed) => Promise<string>): Promise<string> {
  const disk = new SlowDisk()
  await using broker = await Broker.start({ port: 0, dataDirectory: directories.join(','), ports: { disk } })
  const address = { host: '127.0.0.1', port: broker.port }
  await using connection = await connect(address)
  await createTopic(connection, { name: TOPIC, partitions: PARTITIONS })
  return await act({ disk, broker: address, connection })
}

/** In ms, of metadata and of a read of what is known to be durable, asked in turn for so long. */
async function slowestAnswer(connection: BrokerConnection, forMs: number): Promise<number> {
  const endMs = systemClock.monotonicMs() + forMs
  let slowestMs = 0
  for (let startMs = systemClock.monotonicMs(); startMs < endMs; startMs = systemClock.monotonicMs()) {
    await connection.request(Metadata, { topics: [{ name: TOPIC }] })
    const { error } = await fetchOnce(connection, { topic: TOPIC, offset: 0 })
    assert.equal(error, 'NONE')
    slowestMs = Math.max(slowestMs, systemClock.monotonicMs() - startMs)
    await delay(100)
  }
  return slowestMs
}
