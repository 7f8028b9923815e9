/**
 * Owns the run of a table: for every repetition each group gets a fresh broker on an empty directory and its rows run
 * one after another, each on a topic of its own. So repetitions are interleaved, and a slow minute of the machine falls
 * on all rows alike.
 */
import { createTopics, deleteTopics } from '@ottla/client/admin.ts'
import { openClient } from '@ottla/client/client.ts'
import { type BenchPorts, BrokerProcess } from './broker-process.ts'
import type { Generators } from './generators.ts'
import { missingFor } from './plan.ts'
import type { Group, Outcome, Row, RowResult, RowRun, Sample } from './row.ts'

export interface RunOptions {
  readonly ports: BenchPorts
  readonly generators: Generators
  readonly quick: boolean
  readonly repeat: number
  /** For frames and brokers' data. */
  readonly directory: string
  /** Told after each row. */
  readonly progress: (line: string) => void
}

/** What a deleted topic leaves to do, and what the kernel writes back, ends before the next row, in ms. */
const SETTLE_MS = 300
const WARM_UP_TOPIC = 'warm-up'

export async function runGroups(groups: readonly Group[], options: RunOptions): Promise<RowResult[]> {
  const results = new Map(groups.flatMap((group) => group.rows.map((row) => [row, resultOf(row, options)] as const)))
  for (let repetition = 1; repetition <= options.repeat; repetition++) {
    for (const group of groups) {
      const rows = group.rows.filter((row) => results.get(row)!.skipped === null)
      if (rows.length > 0) await runGroup({ ...group, rows }, { ...options, results, repetition })
    }
  }
  return [...results.values()]
}

type GroupOptions = RunOptions & { readonly results: ReadonlyMap<Row, RowResult>; readonly repetition: number }

/** A row that fails takes the rest of its group's repetition with it: what state it left the broker in, nobody knows. */
async function runGroup(group: Group, options: GroupOptions): Promise<void> {
  const { results, repetition, repeat, progress } = options
  let row = group.rows[0]!
  const failed = (error: unknown, obituary: string | null): void => {
    const reason = [error instanceof Error ? error.message : String(error), obituary ?? ''].join(' ').trim()
    results.get(row)!.failures.push(reason)
    progress(`${repetition}/${repeat}  ${row.name} failed: ${reason}`)
  }
  try {
    await using broker = group.hasBroker ? await startBroker(options) : null
    try {
      if (broker !== null) await warmUp(group, broker, options)
      for (row of group.rows) {
        const sample = await runRow(row, broker, options)
        results.get(row)!.samples.push(sample)
        progress(`${repetition}/${repeat}  ${row.name}: ${figuresText(row, sample)}`)
      }
    } catch (error) {
      failed(error, broker?.obituary ?? null)
    }
  } catch (error) {
    failed(error, null)
  }
}

async function warmUp(group: Group, broker: BrokerProcess, options: GroupOptions): Promise<void> {
  if (group.warmUp === undefined) return
  const run = rowRun(options, broker, WARM_UP_TOPIC)
  await onTopic(broker, { name: WARM_UP_TOPIC, partitions: 1 }, () => group.warmUp!(run))
}

async function startBroker({ ports, directory }: RunOptions): Promise<BrokerProcess> {
  return await BrokerProcess.start({ ...ports, dataDirectory: `${directory}/data` })
}

async function runRow(row: Row, broker: BrokerProcess | null, options: GroupOptions): Promise<Sample> {
  const topic = `bench-${[...options.results.keys()].indexOf(row)}`
  const run = rowRun(options, broker, topic)
  if (broker === null || row.partitions === undefined)
    return toSample(await row.run(run), { cpuSeconds: null, residentBytes: null })
  return await onTopic(broker, { name: topic, partitions: row.partitions }, async () => {
    await row.prepare?.(run)
    await options.ports.timers.sleep(SETTLE_MS)
    const before = broker.sample()
    const outcome = await row.run(run)
    const after = broker.sample()
    const cpuSeconds = before === null || after === null ? null : after.cpuSeconds - before.cpuSeconds
    return toSample(outcome, { cpuSeconds, residentBytes: after?.residentBytes ?? null })
  })
}

async function onTopic<T>(
  broker: BrokerProcess,
  topic: { name: string; partitions: number },
  use: () => Promise<T>,
): Promise<T> {
  await using client = await openClient({ bootstrap: broker.bootstrap })
  // Deleted files go at once, so that what the kernel has not written of them yet never costs the next row.
  const configs = { 'file.delete.delay.ms': '0' }
  for (const { error } of await createTopics(client, [{ ...topic, replicationFactor: 1, configs }]))
    if (error !== null) throw error
  const result = await use()
  for (const { error } of await deleteTopics(client, [topic.name])) if (error !== null) throw error
  return result
}

function rowRun(
  { ports, generators, quick, directory }: RunOptions,
  broker: BrokerProcess | null,
  topic: string,
): RowRun {
  return { ports, generators, quick, directory, topic, bootstrap: broker?.bootstrap ?? '' }
}

function toSample(outcome: Outcome, broker: { cpuSeconds: number | null; residentBytes: number | null }): Sample {
  const { figures, messages, loadCpuPerMillion } = outcome
  const hasCpu = broker.cpuSeconds !== null && messages > 0
  const brokerCpuPerMillion = hasCpu ? (broker.cpuSeconds! / messages) * 1e6 : null
  return { figures, loadCpuPerMillion, brokerCpuPerMillion, residentBytes: broker.residentBytes }
}

function figuresText(row: Row, { figures }: Sample): string {
  return row.figures.map(({ name }) => `${figures[name]?.toPrecision(4)} ${name}`).join(', ')
}

function resultOf(row: Row, { generators }: RunOptions): RowResult {
  return { row, samples: [], failures: [], skipped: missingFor(row, generators) }
}
