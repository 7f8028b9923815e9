/** Owns how the generator over librdkafka is told what to do, and what of its answer becomes an outcome. */
import { CommandError, numberOf, runGenerator } from '../child.ts'
import { programOf } from '../generators.ts'
import type { Durability, Outcome, RowRun } from '../row.ts'

export interface Size {
  readonly name: string
  readonly bytes: number
  /** In which rates of it are told. */
  readonly figure: 'messages/s' | 'MB/s'
  /** More than a full run of seconds produces: what a disk of modest size has room for. */
  readonly messagesMax: number
}

export const SMALL: Size = { name: '100 B', bytes: 100, figure: 'messages/s', messagesMax: 16_000_000 }
export const LARGE: Size = { name: '1 KB', bytes: 1024, figure: 'MB/s', messagesMax: 3_000_000 }

/** What acks=1 means is the same with both durabilities, so it goes with the cheaper one. */
export interface Acknowledged {
  readonly acks: '1' | 'all'
  readonly durability: Durability
}

export const ACKS_1: Acknowledged = { acks: '1', durability: 'cached' }
export const ACKS_ALL: Acknowledged = { acks: 'all', durability: 'cached' }
export const ACKS_ALL_SYNCED: Acknowledged = { acks: 'all', durability: 'synced' }

export interface ProduceLoad {
  readonly size: Size
  readonly acks: '1' | 'all'
  readonly partitions: number
  /** 1 when left out; each is a librdkafka of its own. */
  readonly producers?: number
  /** 5 when left out. */
  readonly lingerMs?: number
  /** None when left out. */
  readonly codec?: 'lz4' | 'zstd'
  /** All that fits into the time when left out. */
  readonly messages?: number
}

const SECONDS = { full: 3, quick: 1 }
const LINGER_MS = 5
const RUN_MS_MAX = 120_000
/** As in librdkafka's own rdkafka_performance: enough that its queue is not what limits. All producers together. */
const QUEUE_MESSAGES_MAX = 500_000
const MEGABYTE = 1e6

/** A run ends when its time is over, or with as many messages as were asked for. */
export async function produce(run: RowRun, load: ProduceLoad): Promise<Outcome> {
  const { bytes, messagesMax } = load.size
  const { partitions, messages = messagesMax } = load
  const seconds = load.messages !== undefined ? RUN_MS_MAX / 1000 : run.quick ? SECONDS.quick : SECONDS.full
  const numbers = ['-p', partitions, '-n', messages, '-s', bytes, '-T', seconds, '-P', load.producers ?? 1]
  const outcome = await runLibrdkafka(run, [...numbers.map(String), ...propertiesOf(load)])
  if (load.messages === undefined || outcome.messages === messages) return outcome
  throw new CommandError(`Only ${outcome.messages} of ${messages} messages were produced in ${seconds} s`)
}

/** Reads from the beginning of all partitions. */
export async function consume(run: RowRun, load: { partitions: number; messages: number }): Promise<Outcome> {
  return await runLibrdkafka(run, ['-C', '-p', `${load.partitions}`, '-n', `${load.messages}`])
}

export function propertiesOf({
  acks,
  producers = 1,
  lingerMs = LINGER_MS,
  codec,
}: Omit<ProduceLoad, 'size' | 'partitions'>): string[] {
  const properties = {
    ...{ acks, 'linger.ms': lingerMs },
    'queue.buffering.max.messages': QUEUE_MESSAGES_MAX / producers,
    ...(codec === undefined ? {} : { 'compression.codec': codec }),
  }
  return Object.entries(properties).flatMap(([name, value]) => ['-X', `${name}=${value}`])
}

export function partitionsText(partitions: number): string {
  return partitions === 1 ? '1 partition' : `${partitions} partitions`
}

async function runLibrdkafka(run: RowRun, argv: readonly string[]): Promise<Outcome> {
  const where = ['-b', run.bootstrap, '-t', run.topic]
  const program = programOf(run.generators, 'librdkafka')
  const result = await runGenerator(program, [...where, ...argv], { timeoutMs: RUN_MS_MAX })
  const messages = numberOf(result, 'messages')
  const bytes = numberOf(result, 'bytes')
  const seconds = numberOf(result, 'seconds')
  return {
    figures: { 'messages/s': messages / seconds, 'MB/s': bytes / seconds / MEGABYTE },
    ...{ messages, bytes },
    loadCpuPerMillion: (numberOf(result, 'cpuSeconds') / messages) * 1e6,
  }
}
