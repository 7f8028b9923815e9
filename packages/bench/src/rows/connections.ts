/**
 * Rows of a thousand connections that each send single records now and then: how long they wait for their
 * acknowledgements at a steady rate, from when a record was due to be sent, and how many records pass at full speed.
 */
import { numberOf } from '../child.ts'
import { latencyMs, readLatencies } from '../latency-histogram.ts'
import type { Durability, Group, Outcome, Row, RowRun } from '../row.ts'
import { produceAtFullSpeed, RAW_VALUE_BYTES, runRaw } from './raw-load.ts'

const CONNECTIONS = 1000
const PARTITIONS = 6
/** Of all connections together, a second. */
const RATE = 5000
const SECONDS = { full: { warmUp: 1, run: 5 }, quick: { warmUp: 1, run: 2 } }
/** How many times as fast, and as low at the 99th percentile, as other brokers. */
const REQUIRED = 2
const KINDS = [
  { acks: 1, durability: 'cached' },
  { acks: -1, durability: 'synced' },
] as const

interface Kind {
  readonly acks: 1 | -1
  readonly durability: Durability
}

export function connectionsGroup(): Group {
  return { name: 'connections', hasBroker: true, rows: [...KINDS.map(pacedRow), ...KINDS.map(fullSpeedRow)] }
}

function pacedRow({ acks, durability }: Kind): Row {
  return {
    name: `${CONNECTIONS} connections at ${RATE}/s of 1 record of ${RAW_VALUE_BYTES} B, acks=${acksText(acks)}`,
    figures: [
      { name: 'p99 ms', required: REQUIRED },
      { name: 'p50 ms' },
      { name: 'p99.9 ms' },
      { name: 'max ms', required: null },
      { name: 'sent late p99 ms', required: null },
    ],
    durability,
    partitions: PARTITIONS,
    needs: 'paced-produce',
    quick: true,
    run: async (run) => await pace(run, acks),
  }
}

function fullSpeedRow({ acks, durability }: Kind): Row {
  const load = { acks, recordCount: 1, connections: CONNECTIONS, partitions: PARTITIONS, depth: 1 }
  return {
    name: `${CONNECTIONS} connections × 1 of 1 record of ${RAW_VALUE_BYTES} B, acks=${acksText(acks)}`,
    figures: [{ name: 'requests/s' }],
    durability,
    required: REQUIRED,
    partitions: PARTITIONS,
    needs: 'raw-produce',
    quick: false,
    run: async (run) => await produceAtFullSpeed(run, load, run.quick ? SECONDS.quick : SECONDS.full),
  }
}

async function pace(run: RowRun, acks: 1 | -1): Promise<Outcome> {
  const { warmUp, run: seconds } = run.quick ? SECONDS.quick : SECONDS.full
  const samples = `${run.directory}/${run.topic}.latencies`
  const load = { acks, recordCount: 1, connections: CONNECTIONS, partitions: PARTITIONS }
  const options = ['-r', RATE, '-w', warmUp, '-t', seconds, '-O', samples]
  const result = await runRaw(run, load, { generator: 'paced-produce', options })
  const latencies = readLatencies(run.ports.disk, samples)
  const messages = numberOf(result, 'allRequests')
  return {
    figures: {
      'p99 ms': latencyMs(latencies, 99),
      'p50 ms': latencyMs(latencies, 50),
      'p99.9 ms': latencyMs(latencies, 99.9),
      'max ms': latencyMs(latencies, 100),
      'sent late p99 ms': numberOf(result, 'late.p99'),
    },
    messages,
    bytes: messages * RAW_VALUE_BYTES,
    latencies,
    loadCpuPerMillion: (numberOf(result, 'cpuSeconds') / messages) * 1e6,
  }
}

function acksText(acks: 1 | -1): string {
  return acks === 1 ? '1' : 'all'
}
