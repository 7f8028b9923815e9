/**
 * The row of reading history while somebody produces: a topic is filled, read from the disk, and read once more from
 * memory, each time beside one producer at a steady rate whose acknowledgements are timed.
 */
import { numberOf, runGenerator } from '../child.ts'
import { programOf } from '../generators.ts'
import type { Group, Outcome, Row, RowRun, Surroundings } from '../row.ts'
import { LARGE, produce } from './librdkafka-load.ts'
import { type MixedResult, runMixed } from './mixed-load.ts'

export interface HistoryOptions {
  /** In a full run; more than the memory holds is not read from it the second time. */
  readonly gigabytes: number
}

const PARTITIONS = 6
const QUICK_GIGABYTES_MAX = 0.3
const PRODUCED_MEGABYTES_PER_SECOND = 20
const MESSAGES_PER_SECOND = Math.round((PRODUCED_MEGABYTES_PER_SECOND * 1e6) / LARGE.bytes)
/** For one reading. */
const SECONDS_MAX = 300
const DROP_MS_MAX = 120_000
/** Of the history, what may stay in memory when the kernel was told to forget it. */
const RESIDENT_SHARE_MAX = 0.01
/** Of the history: room for headers, indexes and what is produced meanwhile; and what a disk keeps free in any case. */
const ROOM_SHARE = 1.5
const ROOM_BYTES = 5e9
const GIGABYTE = 1e9
/** Who keeps up produces as much as everybody who does; what is less by no more than this is the measuring. */
const PACED_REQUIRED = 0.95

export function historyGroup({ gigabytes }: HistoryOptions): Group {
  const row: Row = {
    name: `history of ${gigabytes} GB of 1 KB read beside ${PRODUCED_MEGABYTES_PER_SECOND} MB/s, acks=1, ${PARTITIONS} partitions`,
    figures: [
      { name: 'cold MB/s' },
      { name: 'warm MB/s' },
      { name: 'cold produced MB/s', required: PACED_REQUIRED },
      { name: 'warm produced MB/s', required: PACED_REQUIRED },
      { name: 'cold acknowledged p99 ms' },
      { name: 'warm acknowledged p99 ms' },
    ],
    durability: 'cached',
    partitions: PARTITIONS,
    needs: 'mixed',
    quick: true,
    obstacle: (surroundings) => obstacleOf(surroundings, gigabytes),
    prepare: async (run) => {
      const messages = messagesOf(run, gigabytes)
      await produce(run, { size: LARGE, acks: '1', partitions: PARTITIONS, messages })
    },
    run: async (run) => await readTwice(run, messagesOf(run, gigabytes)),
  }
  return { name: 'history', hasBroker: true, rows: [row] }
}

async function readTwice(run: RowRun, messages: number): Promise<Outcome> {
  await dropCache(run, messages * LARGE.bytes)
  const cold = await read(run, messages)
  const warm = await read(run, messages)
  const all = cold.messages + warm.messages
  return {
    figures: {
      'cold MB/s': cold.consumedMegabytesPerSecond,
      'warm MB/s': warm.consumedMegabytesPerSecond,
      'cold produced MB/s': cold.producedMegabytesPerSecond,
      'warm produced MB/s': warm.producedMegabytesPerSecond,
      'cold acknowledged p99 ms': cold.acknowledgedP99Ms,
      'warm acknowledged p99 ms': warm.acknowledgedP99Ms,
    },
    messages: all,
    bytes: all * LARGE.bytes,
    loadCpuPerMillion: ((cold.cpuSeconds + warm.cpuSeconds) / all) * 1e6,
  }
}

async function read(run: RowRun, messages: number): Promise<MixedResult> {
  return await runMixed(run, {
    ...{ partitions: PARTITIONS, bytes: LARGE.bytes, acks: '1', consumers: 1 },
    ...{ messagesPerSecond: MESSAGES_PER_SECOND, consumed: messages, secondsMax: SECONDS_MAX },
  })
}

/** Makes the topic's files leave the memory. Throws where they were not found, or stay. */
async function dropCache(run: RowRun, bytes: number): Promise<void> {
  const program = programOf(run.generators, 'drop-cache')
  const result = await runGenerator(program, [run.directory, run.topic], { timeoutMs: DROP_MS_MAX })
  if (numberOf(result, 'bytes') < bytes) throw new Error(`Cannot find the files of "${run.topic}" in ${run.directory}`)
  const resident = numberOf(result, 'residentBytes')
  if (resident > bytes * RESIDENT_SHARE_MAX) throw new Error(`Cannot read cold: ${resident} bytes stay in memory`)
}

function obstacleOf({ ports, directory, quick }: Surroundings, gigabytes: number): string | null {
  const { usableBytes } = ports.disk.space(directory)
  const neededBytes =
    (quick ? Math.min(gigabytes, QUICK_GIGABYTES_MAX) : gigabytes) * GIGABYTE * ROOM_SHARE + ROOM_BYTES
  if (usableBytes >= neededBytes) return null
  return `it needs ${toGigabytes(neededBytes)} GB of disk, there are ${toGigabytes(usableBytes)} GB`
}

function messagesOf({ quick }: RowRun, gigabytes: number): number {
  const bytes = (quick ? Math.min(gigabytes, QUICK_GIGABYTES_MAX) : gigabytes) * GIGABYTE
  return Math.round(bytes / LARGE.bytes)
}

function toGigabytes(bytes: number): string {
  return (bytes / GIGABYTE).toFixed(1)
}
