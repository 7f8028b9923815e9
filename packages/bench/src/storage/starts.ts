/**
 * Owns measuring starts and stops of a broker with a great many partitions: until it answers, until the first partition
 * takes a record and gives it back, until every one has; then what it holds, and how long it takes to stop.
 */
import type { BenchPorts, BrokerProcess } from '../broker-process.ts'
import { sampleProcess } from '../process-sample.ts'
import { startBroker } from './brokers.ts'
import { batchOf } from './fill.ts'
import { GIGABYTE, type Notes, type Slot } from './plan.ts'
import {
  checkFetched,
  checkProduced,
  fetchRequest,
  LATEST,
  listedOffsets,
  listRequest,
  produceRequest,
} from './requests.ts'
import { WireLoad } from './wire-load.ts'

export interface Start {
  /** What was there, and how the process before had ended. */
  readonly kind: string
  readonly readyMs: number
  /** Until the first partition has taken a record and given it back. */
  readonly firstMs: number
  readonly everyMs: number
  readonly stopMs: number
  readonly handles: number
  /** A moment after every partition was asked. */
  readonly residentBytes: number
}

export interface StartsOptions {
  readonly ports: BenchPorts
  readonly directory: string
  readonly core: number | null
  readonly slots: readonly Slot[]
  readonly progress: (line: string) => void
}

const TOGETHER = 100
const SETTLE_MS = 1500
const VALUE_BYTES = 100
/** Of a fetch of many partitions: one byte would do for the first alone. */
const PARTITION_BYTES = 4096

/** Of each slot's broker: a start after an orderly stop, one after kill -9. */
export async function measureStarts(rounds: number, notes: Notes<Start>, options: StartsOptions): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    for (const slot of options.slots) {
      const size = slot.bytesPerPartition * slot.partitions
      const name = `${slot.title} partitions${size < GIGABYTE ? '' : `, ${Math.round(size / GIGABYTE)} GB`}`
      notes.add(await measureStart(slot, { ...options, kind: `${name}, after a stop`, kill: true }))
      notes.add(await measureStart(slot, { ...options, kind: `${name}, after kill -9`, kill: false }))
    }
    options.progress(`starts: round ${round} of ${rounds}`)
  }
}

/** With `kill` the process is killed in the end, right after every partition was written to. */
async function measureStart(slot: Slot, options: StartsOptions & { kind: string; kill: boolean }): Promise<Start> {
  const { ports, kind, kill } = options
  const startedMs = ports.clock.monotonicMs()
  const broker = await startBroker(options, slot.broker)
  const since = () => ports.clock.monotonicMs() - startedMs
  using load = await WireLoad.connect(broker.bootstrap)
  await produceAndFetch(load, { slot, partitions: [0], nowMs: ports.clock.wallMs() })
  const firstMs = since()
  const partitions = Array.from({ length: slot.partitions }, (_, index) => index)
  await produceAndFetch(load, { slot, partitions, nowMs: ports.clock.wallMs() })
  const everyMs = since()
  await ports.timers.sleep(SETTLE_MS)
  const handles = ports.disk.list(`/proc/${broker.pid}/fd`).length
  const residentBytes = sampleProcess(ports.disk, broker.pid)?.residentBytes ?? Number.NaN
  // What a killed process leaves unsynced is what it has written last.
  if (kill) await produceAndFetch(load, { slot, partitions, nowMs: ports.clock.wallMs() })
  const stopMs = await end(broker, { kill, ports })
  return { kind, readyMs: broker.readyMs, firstMs, everyMs, stopMs, handles, residentBytes }
}

async function end(broker: BrokerProcess, { kill, ports }: { kill: boolean; ports: BenchPorts }): Promise<number> {
  const startedMs = ports.clock.monotonicMs()
  if (kill) broker.signal('SIGKILL')
  await broker[Symbol.asyncDispose]()
  return ports.clock.monotonicMs() - startedMs
}

async function produceAndFetch(
  load: WireLoad,
  { slot, partitions, nowMs }: { slot: Slot; partitions: readonly number[]; nowMs: number },
): Promise<void> {
  const records = batchOf(1, VALUE_BYTES, nowMs)
  const groups = Array.from({ length: Math.ceil(partitions.length / TOGETHER) }, (_, index) =>
    partitions.slice(index * TOGETHER, (index + 1) * TOGETHER),
  )
  const ends = new Map<number, number>()
  const run = async (request: (group: readonly number[]) => Buffer, check: (answer: Buffer) => void) =>
    await load.run({ count: groups.length, depth: 4, request: (index) => request(groups[index]!), check })
  await run(
    (group) =>
      produceRequest(
        slot.topic,
        group.map((partition) => ({ partition, records })),
        1,
      ),
    checkProduced,
  )
  await run(
    (group) =>
      listRequest(
        slot.topic,
        group.map((partition) => ({ partition, timestamp: LATEST })),
      ),
    (answer) => {
      for (const [partition, end] of listedOffsets(answer)) ends.set(partition, end)
    },
  )
  await run(
    (group) =>
      fetchRequest(
        slot.topic,
        group.map((partition) => ({ partition, offset: ends.get(partition)! - 1 })),
        PARTITION_BYTES,
      ),
    checkFetched,
  )
}
