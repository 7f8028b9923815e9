/** Rows of our own client: what a program in TypeScript gets, broker and client each on a core. */
import { numberOf, runGenerator } from '../child.ts'
import { nodeLauncher, sourceFile } from '../paths.ts'
import type { Durability, Group, Outcome, Row, RowRun } from '../row.ts'

interface ClientLoad {
  readonly acks: '1' | 'all'
  readonly bytes: number
  readonly messages: number
}

const PARTITIONS = 6
const SMALL = { bytes: 100, messages: 2_000_000 }
const LARGE = { bytes: 1024, messages: 500_000 }
const QUICK_SHARE = 0.25
const RUN_MS_MAX = 120_000

export function clientGroup(): Group {
  const rows = [
    ...[SMALL, LARGE].flatMap((size) => [
      produceRow({ ...size, acks: '1' }, 'cached'),
      produceRow({ ...size, acks: 'all' }, 'cached'),
      produceRow({ ...size, acks: 'all' }, 'synced'),
    ]),
    consumeRow({ ...SMALL, acks: '1' }),
    consumeRow({ ...LARGE, acks: '1' }),
  ]
  return { name: 'client', hasBroker: true, rows }
}

function produceRow(load: ClientLoad, durability: Durability): Row {
  return {
    name: `our client produces ${sizeText(load)}, acks=${load.acks}, ${PARTITIONS} partitions`,
    figures: [{ name: load.bytes === SMALL.bytes ? 'messages/s' : 'MB/s' }],
    durability,
    partitions: PARTITIONS,
    contestants: ['ottla'],
    quick: durability === 'synced',
    run: async (run) => await runClient(run, load),
  }
}

function consumeRow(load: ClientLoad): Row {
  return {
    name: `our client consumes ${sizeText(load)}, ${PARTITIONS} partitions`,
    figures: [{ name: load.bytes === SMALL.bytes ? 'messages/s' : 'MB/s' }],
    durability: 'cached',
    partitions: PARTITIONS,
    contestants: ['ottla'],
    quick: true,
    prepare: async (run) => void (await runClient(run, load)),
    run: async (run) => await runClient(run, load, '--consume'),
  }
}

async function runClient(run: RowRun, load: ClientLoad, ...mode: string[]): Promise<Outcome> {
  const wanted = Math.round(load.messages * (run.quick ? QUICK_SHARE : 1))
  const { bootstrap, topic } = run
  const numbers = { partitions: PARTITIONS, messages: wanted, bytes: load.bytes, acks: load.acks }
  const options = Object.entries({ bootstrap, topic, ...numbers }).flatMap(([name, value]) => [`--${name}`, `${value}`])
  const argv = [sourceFile('load/client.ts'), ...options, ...mode]
  const result = await runGenerator(nodeLauncher, argv, { timeoutMs: RUN_MS_MAX })
  const messages = numberOf(result, 'messages')
  const bytes = numberOf(result, 'bytes')
  const seconds = numberOf(result, 'seconds')
  return {
    figures: { 'messages/s': messages / seconds, 'MB/s': bytes / seconds / 1e6 },
    messages,
    bytes,
    loadCpuPerMillion: (numberOf(result, 'cpuSeconds') / messages) * 1e6,
  }
}

function sizeText({ bytes }: ClientLoad): string {
  return bytes === LARGE.bytes ? '1 KB' : `${bytes} B`
}
