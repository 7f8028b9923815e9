/** Rows of librdkafka, the client in C beneath most others: produce by size, acks and partitions, and consume. */
import { numberOf, runGenerator } from '../child.ts'
import { programOf } from '../generators.ts'
import type { Group, Outcome, Row, RowRun, Target } from '../row.ts'

interface Size {
  readonly name: string
  readonly bytes: number
  /** Messages in a full run: about two seconds of them. */
  readonly messages: number
  /** What `figure` comes to with acks=1 on 1 and 6 partitions. */
  readonly figure: 'messages/s' | 'MB/s'
  readonly target: number
}

const SIZES: readonly Size[] = [
  { name: '100 B', bytes: 100, messages: 3_000_000, figure: 'messages/s', target: 1_200_000 },
  { name: '1 KB', bytes: 1024, messages: 600_000, figure: 'MB/s', target: 350 },
]
/** Of the target with acks=1, with every message synced before its acknowledgement. */
const ACKS_ALL_SHARE = 0.8
const PARTITION_COUNTS = [1, 6, 100, 1000]
/** More partitions are measured, but no figure is promised. */
const TARGET_PARTITIONS_MAX = 6
/** Of a full run; many partitions make small batches, which take longer. */
const MANY_PARTITIONS_SHARE = 0.5
const QUICK_SHARE = 0.25
const WARM_UP_MESSAGES = 300_000
const RUN_MS_MAX = 120_000
/** As in librdkafka's own rdkafka_performance: enough that its queue is not what limits. */
const QUEUE_MESSAGES_MAX = 500_000
const LINGER_MS = 5

export function librdkafkaGroups(): Group[] {
  return SIZES.map((size) => ({
    name: `librdkafka ${size.name}`,
    hasBroker: true,
    warmUp: async (run: RowRun) =>
      void (await produce(run, { size, acks: '1', partitions: 1, messages: WARM_UP_MESSAGES })),
    rows: [
      ...PARTITION_COUNTS.flatMap((partitions) => [
        produceRow(size, '1', partitions),
        produceRow(size, 'all', partitions),
      ]),
      consumeRow(size),
    ],
  }))
}

function produceRow(size: Size, acks: '1' | 'all', partitions: number): Row {
  const target: Target = { atLeast: size.target * (acks === 'all' ? ACKS_ALL_SHARE : 1) }
  const isPromised = partitions <= TARGET_PARTITIONS_MAX
  return {
    name: `librdkafka produce ${size.name}, acks=${acks}, ${partitionsText(partitions)}`,
    figures: [{ name: size.figure, ...(isPromised ? { target } : {}) }],
    partitions,
    needs: 'librdkafka',
    quick: isPromised,
    run: async (run) => await produce(run, { size, acks, partitions, messages: messagesOf(run, size, partitions) }),
  }
}

function consumeRow(size: Size): Row {
  const partitions = 1
  return {
    name: `librdkafka consume ${size.name}, ${partitionsText(partitions)}`,
    figures: [{ name: size.figure }],
    partitions,
    needs: 'librdkafka',
    quick: true,
    prepare: async (run) =>
      void (await produce(run, { size, acks: '1', partitions, messages: messagesOf(run, size, partitions) })),
    run: async (run) => await consume(run, messagesOf(run, size, partitions)),
  }
}

async function produce(
  run: RowRun,
  load: { size: Size; acks: string; partitions: number; messages: number },
): Promise<Outcome> {
  const { size, acks, partitions, messages } = load
  const properties = { acks, 'linger.ms': LINGER_MS, 'queue.buffering.max.messages': QUEUE_MESSAGES_MAX }
  const settings = Object.entries(properties).flatMap(([name, value]) => ['-X', `${name}=${value}`])
  const argv = ['-b', run.bootstrap, '-t', run.topic, '-p', `${partitions}`, '-n', `${messages}`, '-s', `${size.bytes}`]
  return await runLibrdkafka(run, [...argv, ...settings])
}

async function consume(run: RowRun, messages: number): Promise<Outcome> {
  const argv = ['-C', '-b', run.bootstrap, '-t', run.topic, '-p', '1', '-n', `${messages}`]
  return await runLibrdkafka(run, argv)
}

async function runLibrdkafka(run: RowRun, argv: readonly string[]): Promise<Outcome> {
  const result = await runGenerator(programOf(run.generators, 'librdkafka'), argv, { timeoutMs: RUN_MS_MAX })
  const messages = numberOf(result, 'messages')
  const seconds = numberOf(result, 'seconds')
  return {
    figures: { 'messages/s': messages / seconds, 'MB/s': numberOf(result, 'bytes') / seconds / 1e6 },
    messages,
    loadCpuPerMillion: (numberOf(result, 'cpuSeconds') / messages) * 1e6,
  }
}

function messagesOf(run: RowRun, size: Size, partitions: number): number {
  const many = partitions > TARGET_PARTITIONS_MAX ? MANY_PARTITIONS_SHARE : 1
  return Math.round(size.messages * many * (run.quick ? QUICK_SHARE : 1))
}

function partitionsText(partitions: number): string {
  return partitions === 1 ? '1 partition' : `${partitions} partitions`
}
