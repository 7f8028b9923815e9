/** Rows of starting: a broker's process until it serves and when it is idle, and a broker inside a program. */
import { createTopics } from '@ottla/client/admin.ts'
import { openClient } from '@ottla/client/client.ts'
import { numberOf, runGenerator } from '../child.ts'
import type { LiveBroker } from '../contestants/contestant.ts'
import { nodeLauncher, sourceFile } from '../paths.ts'
import { sampleProcess } from '../process-sample.ts'
import type { Group, Outcome, Row, RowRun } from '../row.ts'
import { summarize } from '../statistics.ts'

interface Start {
  readonly index: number
  readonly isLast: boolean
}

const STARTS = { full: 3, quick: 2 }
/** A broker is idle once it has not been asked for anything for so long. */
const SETTLE_MS = 2000
/** How long an idle broker's CPU time is counted. */
const IDLE_MS = { full: 10_000, quick: 3000 }
const TOPICS = 100
const RUN_MS_MAX = 60_000
const MEGABYTE = 1e6
/** How many times as quick and as small as other brokers. */
const START_REQUIRED = 2

const IDLE_CPU = 'idle CPU per second ms'
const START_ROW = { durability: null, required: START_REQUIRED, quick: true } as const

export function startGroup(): Group {
  return { name: 'start', hasBroker: false, rows: [emptyRow(), topicsRow(), memoryRow()] }
}

function emptyRow(): Row {
  return {
    ...START_ROW,
    name: 'start of a broker on an empty directory',
    figures: [
      { name: 'ready after ms', target: { atMost: 400 } },
      { name: 'idle MB', target: { atMost: 100 } },
      { name: IDLE_CPU },
    ],
    run: async (run) => await measureStarts(run, async ({ index }) => await run.startBroker(`empty-${index}`)),
  }
}

/** The data are made by a broker before, which was stopped as one should be. */
function topicsRow(): Row {
  return {
    ...START_ROW,
    name: `start of a broker with ${TOPICS} topics`,
    figures: [{ name: 'ready after ms' }, { name: 'idle MB' }, { name: IDLE_CPU }],
    run: async (run) => {
      const start = async (keepsData: boolean) => await run.startBroker('topics', { keepsData })
      await makeTopics(start)
      return await measureStarts(run, async ({ isLast }) => await start(!isLast))
    },
  }
}

function memoryRow(): Row {
  return {
    name: 'Broker.start in memory, in a program that has loaded it',
    figures: [{ name: 'first ms', target: { atMost: 50 } }, { name: 'later ms' }],
    durability: null,
    contestants: ['ottla'],
    quick: true,
    run: async () => {
      const argv = [sourceFile('load/memory-start.ts')]
      const result = await runGenerator(nodeLauncher, argv, { timeoutMs: RUN_MS_MAX })
      const figures = { 'first ms': numberOf(result, 'firstMs'), 'later ms': numberOf(result, 'laterMs') }
      return { figures, messages: 0, bytes: 0, loadCpuPerMillion: null }
    },
  }
}

/** Several starts one after another; the last broker is left alone until it is idle. */
async function measureStarts(run: RowRun, start: (which: Start) => Promise<LiveBroker>): Promise<Outcome> {
  const readyMs: number[] = []
  let idle = { residentBytes: Number.NaN, cpuMs: Number.NaN }
  const starts = run.quick ? STARTS.quick : STARTS.full
  for (let i = 1; i <= starts; i++) {
    await using broker = await start({ index: i, isLast: i === starts })
    readyMs.push(broker.readyMs)
    if (i === starts) idle = await watchIdle(run, broker.pid)
  }
  const figures = {
    'ready after ms': summarize(readyMs).median,
    'idle MB': idle.residentBytes / MEGABYTE,
    [IDLE_CPU]: idle.cpuMs,
  }
  return { figures, messages: 0, bytes: 0, loadCpuPerMillion: null }
}

/** CPU time is that of a second. Not numbers where the system does not tell. */
async function watchIdle({ ports, quick }: RowRun, pid: number): Promise<{ residentBytes: number; cpuMs: number }> {
  await ports.timers.sleep(SETTLE_MS)
  const idleMs = quick ? IDLE_MS.quick : IDLE_MS.full
  const before = sampleProcess(ports.disk, pid)
  await ports.timers.sleep(idleMs)
  const after = sampleProcess(ports.disk, pid)
  if (before === null || after === null) return { residentBytes: Number.NaN, cpuMs: Number.NaN }
  return {
    residentBytes: after.residentBytes,
    cpuMs: ((after.cpuSeconds - before.cpuSeconds) / (idleMs / 1000)) * 1000,
  }
}

async function makeTopics(start: (keepsData: boolean) => Promise<LiveBroker>): Promise<void> {
  await using broker = await start(true)
  await using client = await openClient({ bootstrap: broker.bootstrap })
  const topics = Array.from({ length: TOPICS }, (_, index) => ({
    name: `topic-${index}`,
    partitions: 1,
    replicationFactor: 1,
  }))
  for (const { error } of await createTopics(client, topics)) if (error !== null) throw error
}
