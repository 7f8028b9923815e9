/** Rows of latency: a record of 1 KB each millisecond, from when it was due to its receipt in a long-poll fetch. */
import { numberOf, runGenerator } from '../child.ts'
import { fetchErrorAt, fetchFrame, fetchOffsetAt, fetchRecordsAt, produceErrorAt, produceFrame } from '../frames.ts'
import { programOf } from '../generators.ts'
import type { Figure, Group, Outcome, Row, RowRun } from '../row.ts'

const RATE = 1000
const VALUE_BYTES = 1024
const SECONDS = { full: { warmUp: 5, run: 20 }, quick: { warmUp: 2, run: 5 } }
const RUN_MS_MAX = 60_000
const QUANTILES = ['p50', 'p99', 'p999', 'max']

export function latencyGroup(): Group {
  const promised: Figure[] = [
    { name: 'p50 ms', target: { atMost: 0.2 } },
    { name: 'p99 ms', target: { atMost: 1.5 } },
  ]
  const measured: Figure[] = [{ name: 'p50 ms' }, { name: 'p99 ms' }]
  return { name: 'latency', hasBroker: true, rows: [latencyRow(1, promised), latencyRow(-1, measured)] }
}

function latencyRow(acks: 1 | -1, figures: readonly Figure[]): Row {
  return {
    name: `latency of 1 KB at ${RATE}/s, acks=${acks === 1 ? 1 : 'all'}`,
    figures: [
      ...figures,
      { name: 'p999 ms' },
      { name: 'max ms' },
      { name: 'acknowledged p50 ms' },
      { name: 'acknowledged p99 ms' },
      { name: 'sent late p99 ms' },
    ],
    partitions: 1,
    needs: 'latency',
    quick: true,
    run: async (run) => await measure(run, acks),
  }
}

async function measure(run: RowRun, acks: 1 | -1): Promise<Outcome> {
  const { warmUp, run: seconds } = run.quick ? SECONDS.quick : SECONDS.full
  // -s: asleep, the generator is woken late by more than the broker takes to answer.
  const load = ['-r', `${RATE}`, '-w', `${warmUp}`, '-t', `${seconds}`, '-s']
  const argv = ['-b', run.bootstrap, ...writeFrames(run, acks), ...load]
  const result = await runGenerator(programOf(run.generators, 'latency'), argv, { timeoutMs: RUN_MS_MAX })
  return {
    figures: {
      ...Object.fromEntries(QUANTILES.map((quantile) => [`${quantile} ms`, numberOf(result, `fetched.${quantile}`)])),
      'acknowledged p50 ms': numberOf(result, 'acknowledged.p50'),
      'acknowledged p99 ms': numberOf(result, 'acknowledged.p99'),
      'sent late p99 ms': numberOf(result, 'late.p99'),
    },
    messages: RATE * (warmUp + seconds),
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
