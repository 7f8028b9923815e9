/**
 * Rows of groups: thousands of them whose members come a thousand a second and beat at their normal intervals, classic and
 * KIP-848, and one large group of each until it is assigned. A session that is lost fails the row. They take minutes and say nothing of throughput, so they run only when they are asked for:
 * `npm run bench -- --only group`.
 */
import { numberOf, runGenerator } from '../child.ts'
import { nodeLauncher, sourceFile } from '../paths.ts'
import type { Group, Outcome, Row, RowRun } from '../row.ts'

type Protocol = 'classic' | 'consumer'

const GROUPS = { full: 2000, quick: 200 }
const MEMBERS = 5
const PARTITIONS = 10
const SECONDS = { full: 30, quick: 10 }
const LARGE = { members: 1000, partitions: 10_000 }
const RUN_MS_MAX = 170_000
const NAMES: Readonly<Record<Protocol, string>> = { classic: 'classic', consumer: 'KIP-848' }

export function groupsGroup(): Group {
  return {
    name: 'groups',
    hasBroker: true,
    isByName: true,
    rows: [manyRow('classic'), manyRow('consumer'), largeRow('classic'), largeRow('consumer')],
  }
}

function manyRow(protocol: Protocol): Row {
  return {
    name: `${GROUPS.full} groups of ${MEMBERS} members, ${NAMES[protocol]}`,
    figures: [
      { name: 'heartbeats/s', required: null },
      { name: 'rejoins', required: null },
      { name: 'all joined after ms', required: null },
      { name: 'heartbeat p99 ms' },
      { name: 'heartbeat max ms', required: null },
    ],
    durability: 'synced',
    partitions: PARTITIONS,
    quick: false,
    run: async (run) => {
      const [groups, seconds] = run.quick ? [GROUPS.quick, SECONDS.quick] : [GROUPS.full, SECONDS.full]
      return await hold(run, { protocol, groups, members: MEMBERS, partitions: PARTITIONS, seconds })
    },
  }
}

function largeRow(protocol: Protocol): Row {
  return {
    name: `a group of ${LARGE.members} members over ${LARGE.partitions} partitions, ${NAMES[protocol]}`,
    figures: [
      { name: 'assigned after ms', required: null },
      { name: 'all joined after ms', required: null },
      { name: 'heartbeat max ms', required: null },
    ],
    durability: 'synced',
    partitions: LARGE.partitions,
    quick: false,
    run: async (run) => await hold(run, { protocol, groups: 1, ...LARGE, seconds: 0 }),
  }
}

interface Hold {
  readonly protocol: Protocol
  readonly groups: number
  readonly members: number
  readonly partitions: number
  /** Behind the joining; 0 ends as soon as all are assigned. */
  readonly seconds: number
}

async function hold({ bootstrap, topic }: RowRun, load: Hold): Promise<Outcome> {
  const words = Object.entries({ bootstrap, topic, ...load }).flatMap(([name, value]) => [`--${name}`, String(value)])
  const ends = load.seconds === 0 ? ['--settle-only'] : []
  const argv = [sourceFile('load/groups.ts'), ...words, ...ends]
  const result = await runGenerator(nodeLauncher, argv, { timeoutMs: RUN_MS_MAX })
  const lost = numberOf(result, 'lost')
  if (lost > 0) throw new Error(`${lost} members lost their session`)
  return {
    figures: {
      'heartbeats/s': numberOf(result, 'heartbeats') / numberOf(result, 'seconds'),
      rejoins: numberOf(result, 'rejoins'),
      'all joined after ms': numberOf(result, 'joinSeconds') * 1000,
      'assigned after ms': numberOf(result, 'settleSeconds') * 1000,
      'heartbeat p99 ms': numberOf(result, 'p99Ms'),
      'heartbeat max ms': numberOf(result, 'maxMs'),
    },
    messages: numberOf(result, 'allHeartbeats'),
    bytes: 0,
    loadCpuPerMillion: null,
  }
}
