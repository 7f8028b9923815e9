/**
 * Rows of latency: a record of 1 KB each millisecond, from when it was due to be sent, not when it was, to its receipt in
 * a long-poll fetch.
 *
 * Between two records the generator sleeps, as one that spins takes a core from the broker: brokers of many threads would
 * pay for that more than we do. But asleep it is woken late by about as much as our answer takes. So what we promise is
 * measured with a generator that spins, and measured of nobody else.
 */
import { numberOf, runGenerator } from '../child.ts'
import { fetchErrorAt, fetchFrame, fetchOffsetAt, fetchRecordsAt, produceErrorAt, produceFrame } from '../frames.ts'
import { programOf } from '../generators.ts'
import { latencyMs, readLatencies } from '../latency-histogram.ts'
import type { Durability, Figure, Group, Outcome, Row, RowRun } from '../row.ts'

const RATE = 1000
const VALUE_BYTES = 1024
const SECONDS = { full: { warmUp: 5, run: 20 }, quick: { warmUp: 2, run: 5 } }
const RUN_MS_MAX = 60_000
const PERCENTILES = { 'p50 ms': 50, 'p90 ms': 90, 'p99 ms': 99, 'p99.9 ms': 99.9, 'max ms': 100 }
/** How many times as low as other brokers' the 99th percentile has to be. */
const P99_REQUIRED = 2

export function latencyGroup(): Group {
  const promised: Figure[] = [
    { name: 'p99 ms', target: { atMost: 1.5 } },
    { name: 'p50 ms', target: { atMost: 0.2 } },
  ]
  const measured: Figure[] = [{ name: 'p99 ms', required: P99_REQUIRED }, { name: 'p50 ms' }]
  const rows = [
    latencyRow({ acks: 1, durability: 'cached', spins: false }, measured),
    latencyRow({ acks: -1, durability: 'cached', spins: false }, measured),
    latencyRow({ acks: -1, durability: 'synced', spins: false }, measured),
    latencyRow({ acks: 1, durability: 'cached', spins: true }, promised),
  ]
  return { name: 'latency', hasBroker: true, rows }
}

interface Load {
  readonly acks: 1 | -1
  readonly durability: Durability
  readonly spins: boolean
}

function latencyRow(load: Load, figures: readonly Figure[]): Row {
  const { acks, durability, spins } = load
  return {
    name: `latency of 1 KB at ${RATE}/s, acks=${acks === 1 ? 1 : 'all'}${spins ? ', the generator spinning' : ''}`,
    figures: [
      ...figures,
      { name: 'p90 ms' },
      { name: 'p99.9 ms' },
      { name: 'max ms', required: null },
      { name: 'acknowledged p50 ms' },
      { name: 'acknowledged p99 ms' },
      { name: 'sent late p99 ms', required: null },
    ],
    durability,
    partitions: 1,
    needs: 'latency',
    ...(spins ? { contestants: ['ottla'] as const } : {}),
    quick: acks === 1 || durability === 'synced',
    run: async (run) => await measureLatency(run, load),
  }
}

/** Of the first partition of the row's topic, which the broker at the bootstrap address leads. */
export async function measureLatency(run: RowRun, { acks, spins }: Omit<Load, 'durability'>): Promise<Outcome> {
  const { warmUp, run: seconds } = run.quick ? SECONDS.quick : SECONDS.full
  const load = ['-r', `${RATE}`, '-w', `${warmUp}`, '-t', `${seconds}`, ...(spins ? ['-s'] : [])]
  const samples = `${run.directory}/${run.topic}.latencies`
  const argv = ['-b', run.bootstrap, ...writeFrames(run, acks), ...load, '-O', samples]
  const result = await runGenerator(programOf(run.generators, 'latency'), argv, { timeoutMs: RUN_MS_MAX })
  const latencies = readLatencies(run.ports.disk, samples)
  const messages = RATE * (warmUp + seconds)
  return {
    figures: {
      ...Object.fromEntries(Object.entries(PERCENTILES).map(([name, share]) => [name, latencyMs(latencies, share)])),
      'acknowledged p50 ms': numberOf(result, 'acknowledged.p50'),
      'acknowledged p99 ms': numberOf(result, 'acknowledged.p99'),
      'sent late p99 ms': numberOf(result, 'late.p99'),
    },
    messages,
    bytes: messages * VALUE_BYTES,
    latencies,
    loadCpuPerMillion: null,
  }
}

/** Answers the arguments that name the frames and their places. */
function writeFrames({ topic, directory, ports }: RowRun, acks: 1 | -1): string[] {
  const timestampMs = ports.clock.wallMs()
  const produce = `${directory}/${topic}.produce`
  const fetch = `${directory}/${topic}.fetch`
  ports.disk.replaceFile(
    produce,
    produceFrame({ topic, partition: 0, acks, recordCount: 1, valueBytes: VALUE_BYTES, timestampMs }),
  )
  ports.disk.replaceFile(fetch, fetchFrame(topic))
  const places = ['-o', fetchOffsetAt(topic), '-E', fetchErrorAt(topic), '-R', fetchRecordsAt(topic)]
  return ['-p', produce, '-e', `${produceErrorAt(topic)}`, '-f', fetch, ...places.map(String)]
}
