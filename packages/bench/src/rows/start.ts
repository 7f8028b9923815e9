/** Rows of starting: a broker's process until it serves and when it is idle, and a broker inside a program. */
import { BrokerProcess } from '../broker-process.ts'
import { numberOf, runGenerator } from '../child.ts'
import { nodeLauncher, sourceFile } from '../paths.ts'
import type { Group, Outcome, Row, RowRun } from '../row.ts'
import { summarize } from '../statistics.ts'

const STARTS = { full: 5, quick: 3 }
/** A broker is idle once it has not been asked for anything for so long. */
const IDLE_MS = 2000
const RUN_MS_MAX = 60_000
const MEGABYTE = 1e6

export function startGroup(): Group {
  return { name: 'start', hasBroker: false, rows: [processRow(), memoryRow()] }
}

function processRow(): Row {
  return {
    name: 'start of a broker on an empty directory',
    figures: [
      { name: 'ready after ms', target: { atMost: 400 } },
      { name: 'idle MB', target: { atMost: 100 } },
    ],
    quick: true,
    run: startProcesses,
  }
}

function memoryRow(): Row {
  return {
    name: 'Broker.start in memory, in a program that has loaded it',
    figures: [{ name: 'first ms', target: { atMost: 50 } }, { name: 'later ms' }],
    quick: true,
    run: async () => {
      const argv = [sourceFile('load/memory-start.ts')]
      const result = await runGenerator(nodeLauncher, argv, { timeoutMs: RUN_MS_MAX })
      const figures = { 'first ms': numberOf(result, 'firstMs'), 'later ms': numberOf(result, 'laterMs') }
      return { figures, messages: 0, loadCpuPerMillion: null }
    },
  }
}

/** Several starts one after another; the last broker is left alone until it is idle. */
async function startProcesses(run: RowRun): Promise<Outcome> {
  const readyMs: number[] = []
  let residentBytes = 0
  const starts = run.quick ? STARTS.quick : STARTS.full
  for (let i = 1; i <= starts; i++) {
    await using broker = await BrokerProcess.start({ ...run.ports, dataDirectory: `${run.directory}/start-${i}` })
    readyMs.push(broker.readyMs)
    if (i < starts) continue
    await run.ports.timers.sleep(IDLE_MS)
    residentBytes = broker.sample()?.residentBytes ?? Number.NaN
  }
  const figures = { 'ready after ms': summarize(readyMs).median, 'idle MB': residentBytes / MEGABYTE }
  return { figures, messages: 0, loadCpuPerMillion: null }
}
