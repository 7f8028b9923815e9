/** The row of consumers at the tail: one producer at a steady rate, and four that read everything as it comes. */
import { latencyMs, readLatencies } from '../latency-histogram.ts'
import type { Group, Outcome, RowRun } from '../row.ts'
import { type MixedLoad, runMixed } from './mixed-load.ts'

const CONSUMERS = 4
const PARTITIONS = 6
const BYTES = 1024
const MEGABYTES_PER_SECOND = 100
const MESSAGES_PER_SECOND = Math.round((MEGABYTES_PER_SECOND * 1e6) / BYTES)
const SECONDS = { full: 6, quick: 2 }
/** A broker that falls behind is waited for. */
const SECONDS_MAX = 60
/** Who keeps up delivers as much as everybody who does; what is less by no more than this is the measuring. */
const PACED_REQUIRED = 0.95

export function tailGroup(): Group {
  const row = {
    name: `${CONSUMERS} consumers at the tail of ${MEGABYTES_PER_SECOND} MB/s of 1 KB, acks=1, ${PARTITIONS} partitions`,
    figures: [
      { name: 'delivered MB/s', required: PACED_REQUIRED },
      { name: 'produced MB/s', required: PACED_REQUIRED },
      { name: 'acknowledged p50 ms' },
      { name: 'acknowledged p99 ms' },
    ],
    durability: 'cached',
    partitions: PARTITIONS,
    needs: 'mixed',
    quick: true,
    run: measure,
  } as const
  return { name: 'tail', hasBroker: true, rows: [row] }
}

async function measure(run: RowRun): Promise<Outcome> {
  const samples = `${run.directory}/${run.topic}.latencies`
  const result = await runMixed(run, loadOf(run.quick ? SECONDS.quick : SECONDS.full), samples)
  const latencies = readLatencies(run.ports.disk, samples)
  return {
    figures: {
      'delivered MB/s': result.consumedMegabytesPerSecond,
      'produced MB/s': result.producedMegabytesPerSecond,
      'acknowledged p50 ms': latencyMs(latencies, 50),
      'acknowledged p99 ms': latencyMs(latencies, 99),
    },
    messages: result.messages,
    bytes: result.messages * BYTES,
    latencies,
    loadCpuPerMillion: (result.cpuSeconds / result.messages) * 1e6,
  }
}

/** The topic is empty, so that who begins at its beginning is at its tail. */
function loadOf(seconds: number): MixedLoad {
  const messages = MESSAGES_PER_SECOND * seconds
  return {
    ...{ partitions: PARTITIONS, bytes: BYTES, acks: '1', consumers: CONSUMERS },
    messagesPerSecond: MESSAGES_PER_SECOND,
    ...{ consumed: messages, produced: messages, secondsMax: SECONDS_MAX },
  }
}
