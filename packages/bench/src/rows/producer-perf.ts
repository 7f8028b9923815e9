/** Rows of Kafka's own kafka-producer-perf-test: what people measure a broker by first, with the client in Java. */
import { kafkaObstacle, runKafkaTool } from '../../../../interop/apache-kafka.ts'
import { CommandError } from '../child.ts'
import type { Group, Outcome, Row, RowRun } from '../row.ts'
import { ACKS_ALL, ACKS_ALL_SYNCED, type Acknowledged, LARGE, type Size, SMALL } from './librdkafka-load.ts'

export interface PerfResult {
  readonly records: number
  readonly recordsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const TOOL = 'org.apache.kafka.tools.ProducerPerformance'
const PARTITIONS = 6
/** In a full run; the tool begins with a cold JVM, which a shorter one would measure. */
const RECORDS = new Map([
  [SMALL, 2_000_000],
  [LARGE, 500_000],
])
const QUICK_SHARE = 0.2
const RUN_MS_MAX = 180_000
const MEGABYTE = 1e6

export function producerPerfGroup(): Group {
  const rows = [SMALL, LARGE].flatMap((size) => [ACKS_ALL, ACKS_ALL_SYNCED].map((kind) => perfRow(size, kind)))
  return { name: 'producer-perf', hasBroker: true, rows }
}

function perfRow(size: Size, { acks, durability }: Acknowledged): Row {
  return {
    name: `kafka-producer-perf-test ${size.name}, acks=${acks}, ${PARTITIONS} partitions`,
    // Its latencies are those of a full queue: they follow from the rate.
    figures: [{ name: size.figure }, { name: 'p50 ms', required: null }, { name: 'p99 ms', required: null }],
    durability,
    partitions: PARTITIONS,
    quick: durability === 'synced',
    obstacle: kafkaObstacle,
    run: async (run) => await measure(run, size, acks),
  }
}

async function measure(run: RowRun, size: Size, acks: string): Promise<Outcome> {
  const records = RECORDS.get(size)! * (run.quick ? QUICK_SHARE : 1)
  const where = ['--bootstrap-server', run.bootstrap, '--topic', run.topic]
  const load = ['--num-records', `${records}`, '--record-size', `${size.bytes}`, '--throughput', '-1']
  const argv = [...where, ...load, '--command-property', `acks=${acks}`]
  const { code, stdout, stderr } = await runKafkaTool(TOOL, argv, { timeoutMs: RUN_MS_MAX })
  const result = parsePerfOutput(stdout)
  // A record that failed is told on standard output, and not counted.
  if (code !== 0 || result?.records !== records) throw new CommandError(`${TOOL} failed: ${stdout}${stderr}`)
  const { recordsPerSecond, p50Ms, p99Ms } = result
  return {
    figures: {
      'messages/s': recordsPerSecond,
      'MB/s': (recordsPerSecond * size.bytes) / MEGABYTE,
      ...{ 'p50 ms': p50Ms, 'p99 ms': p99Ms },
    },
    messages: records,
    bytes: records * size.bytes,
    // The tool does not tell its own.
    loadCpuPerMillion: null,
  }
}

/** What the tool's last line says of the whole run, which alone has percentiles; null where there is no such line. */
export function parsePerfOutput(output: string): PerfResult | null {
  const match = /^(\d+) records sent, ([\d.]+) records\/sec .* (\d+) ms 50th, .* (\d+) ms 99th/m.exec(output)
  if (match === null) return null
  const [records, recordsPerSecond, p50Ms, p99Ms] = match.slice(1).map(Number)
  return { records: records!, recordsPerSecond: recordsPerSecond!, p50Ms: p50Ms!, p99Ms: p99Ms! }
}
