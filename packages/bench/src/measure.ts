/**
 * Owns one repetition of a row against one contestant: its topic with what makes it durable, a quiet disk before it, and
 * what is read of the broker's process around it.
 */
import { createTopics, deleteTopics } from '@ottla/client/admin.ts'
import { openClient } from '@ottla/client/client.ts'
import type { BenchPorts } from './broker-process.ts'
import { runCommand } from './child.ts'
import type { Contestant, LiveBroker } from './contestants/contestant.ts'
import type { Generators } from './generators.ts'
import { type LoopDelay, type LoopReading, loopDelayBetween } from './loop-delay.ts'
import { type ProcessSample, sampleProcess } from './process-sample.ts'
import type { Outcome, Row, RowRun, Sample } from './row.ts'

export interface MeasureOptions {
  readonly ports: BenchPorts
  readonly generators: Generators
  readonly quick: boolean
  readonly directory: string
}

export interface Turn {
  readonly row: Row
  readonly contestant: Contestant
  /** Null where the row brings its own. */
  readonly broker: LiveBroker | null
  /** Of the topic, and in the names of files: no two turns have the same. */
  readonly name: string
  readonly repetition: number
}

/** What was read of a process at one moment. */
interface Reading {
  readonly process: ProcessSample | null
  readonly loop: LoopReading | null
}

/** How long after its topic was made, or filled, a row begins, in ms. */
const SETTLE_MS = 300
const SYNC_MS_MAX = 120_000
/** Deleted partitions whose files stay longer than this fail the row. */
const DELETE_MS_MAX = 60_000
const DELETE_RETRY_MS = 50
const MILLION = 1e6
const GIGABYTE = 1e9

export async function measureTurn(turn: Turn, options: MeasureOptions): Promise<Sample> {
  const { row, broker } = turn
  const run = rowRun(turn, options)
  if (broker === null || row.partitions === undefined) return toSample(turn, await row.run(run), null)
  await makeTopic(turn, broker)
  await row.prepare?.(run)
  // What the rows before it have left to write does not cost this one.
  await runCommand('sync', [], { timeoutMs: SYNC_MS_MAX })
  await options.ports.timers.sleep(SETTLE_MS)
  const before = await readBroker(broker, options)
  const outcome = await row.run(run)
  const after = await readBroker(broker, options)
  await deleteTopic(turn, broker, options)
  return toSample(turn, outcome, { before, after })
}

function rowRun({ contestant, broker, name }: Turn, options: MeasureOptions): RowRun {
  const { ports, directory } = options
  return {
    ...options,
    contestant: { name: contestant.name, pid: broker?.pid ?? 0 },
    bootstrap: broker?.bootstrap ?? '',
    topic: name,
    startBroker: async (data, more = {}) =>
      await contestant.start({
        ...ports,
        ...more,
        dataDirectory: `${directory}/${name}-${contestant.name}-${data}`,
        watchesLoop: false,
      }),
  }
}

async function makeTopic({ row, contestant, name }: Turn, { bootstrap }: LiveBroker): Promise<void> {
  await using client = await openClient({ bootstrap })
  const durable = row.durability === null ? {} : contestant.topicConfigs[row.durability]
  // Deleted files go at once, so that what the kernel has not written of them yet never costs the next row.
  const configs = { 'file.delete.delay.ms': '0', ...durable }
  const topic = { name, partitions: row.partitions!, replicationFactor: 1, configs }
  for (const { error } of await createTopics(client, [topic])) if (error !== null) throw error
}

/** Resolves when its files have gone: what a stopped broker still holds would be written back beside the next row. */
async function deleteTopic({ name }: Turn, broker: LiveBroker, { ports }: MeasureOptions): Promise<void> {
  await using client = await openClient({ bootstrap: broker.bootstrap })
  for (const { error } of await deleteTopics(client, [name])) if (error !== null) throw error
  const endMs = ports.clock.monotonicMs() + DELETE_MS_MAX
  while (ports.disk.list(broker.logDirectory).some((entry) => entry.name.startsWith(`${name}-`))) {
    if (ports.clock.monotonicMs() > endMs) throw new Error(`Cannot go on: files of the deleted topic ${name} stay`)
    await ports.timers.sleep(DELETE_RETRY_MS)
  }
}

async function readBroker(broker: LiveBroker, { ports }: MeasureOptions): Promise<Reading> {
  return { process: sampleProcess(ports.disk, broker.pid), loop: await broker.loopReading() }
}

function toSample(turn: Turn, outcome: Outcome, readings: { before: Reading; after: Reading } | null): Sample {
  const { figures, messages, bytes, loadCpuPerMillion, latencies = null } = outcome
  const cpuSeconds = readings === null ? null : cpuBetween(readings.before, readings.after)
  return {
    contestant: turn.contestant.name,
    repetition: turn.repetition,
    ...{ figures, latencies, loadCpuPerMillion },
    brokerCpuPerMillion: perUnit(cpuSeconds, messages, MILLION),
    brokerCpuPerGigabyte: perUnit(cpuSeconds, bytes, GIGABYTE),
    residentBytes: readings?.after.process?.residentBytes ?? null,
    loopDelay: readings === null ? null : loopBetween(readings.before, readings.after),
  }
}

function cpuBetween(before: Reading, after: Reading): number | null {
  return before.process === null || after.process === null ? null : after.process.cpuSeconds - before.process.cpuSeconds
}

function perUnit(seconds: number | null, count: number, unit: number): number | null {
  return seconds === null || count === 0 ? null : (seconds / count) * unit
}

function loopBetween(before: Reading, after: Reading): LoopDelay | null {
  return before.loop === null || after.loop === null ? null : loopDelayBetween(before.loop, after.loop)
}
