/**
 * Rows of replication: what acks=all costs with three replicas, synced by each, beside one broker that syncs alone. Three
 * brokers are measured as processes of their own that share one etcd, and in one process (`--brokers 3`). All of them, etcd
 * and the generator share this machine: on a small one it is its cores that are measured, not the protocol.
 */
import { createTopics } from '@ottla/client/admin.ts'
import { openClient } from '@ottla/client/client.ts'
import { EtcdMember } from '../../../../interop/etcd/etcd-process.ts'
import { BrokerProcess } from '../broker-process.ts'
import { runCommand } from '../child.ts'
import { sampleProcess } from '../process-sample.ts'
import type { Group, Outcome, Row, RowRun, Surroundings } from '../row.ts'
import { measureLatency } from './latency.ts'
import { ACKS_ALL_SYNCED, LARGE, type ProduceLoad, partitionsText, produce, SMALL } from './librdkafka-load.ts'

type Layout = 'one broker' | 'three brokers' | 'three brokers in one process'

interface Cluster {
  /** Of the first broker, which leads a topic of one partition. */
  readonly bootstrap: string
  /** The first broker's process, and those of the others that have one. */
  readonly pids: readonly number[]
  readonly replicas: readonly number[]
}

/** What a row does on the cluster that it was given, in a run of its own. */
type Act = (run: RowRun, cluster: Cluster) => Promise<Outcome>

const LAYOUTS: readonly Layout[] = ['one broker', 'three brokers', 'three brokers in one process']
const BROKERS = [1, 2, 3]
const ETCD = '/usr/bin/etcd'
const WARM_UP_ROUNDS = { full: 3, quick: 1 }
const SYNC_MS_MAX = 120_000
const SETTLE_MS = 500
const GIGABYTE = 1e9
export function replicatedGroup(): Group {
  const loads = [SMALL, LARGE].flatMap((size) => [1, 6].map((partitions) => ({ ...ACKS_ALL_SYNCED, size, partitions })))
  const rows = loads.flatMap((load) => LAYOUTS.map((layout) => produceRow(load, layout)))
  return { name: 'replicated', hasBroker: false, isByName: true, rows: [...rows, ...LAYOUTS.map(latencyRow)] }
}

function produceRow(load: ProduceLoad, layout: Layout): Row {
  const { size, partitions } = load
  return {
    ...rowOf(layout, { partitions, act: (run, cluster) => measureProduce(run, cluster, load) }),
    name: `replicated librdkafka produce ${size.name}, acks=all synced, ${partitionsText(partitions)}, ${layout}`,
    figures: [{ name: size.figure }, { name: 'first broker CPU s/GB' }, { name: 'other brokers CPU s/GB' }],
    needs: 'librdkafka',
  }
}

function latencyRow(layout: Layout): Row {
  const names = ['p99 ms', 'p50 ms', 'p90 ms', 'p99.9 ms', 'max ms', 'acknowledged p50 ms', 'acknowledged p99 ms']
  return {
    ...rowOf(layout, { partitions: 1, act: (run) => measureLatency(run, { acks: -1, spins: false }) }),
    name: `replicated latency of 1 KB at 1000/s, acks=all synced, ${layout}`,
    figures: names.map((name) => ({ name })),
    needs: 'latency',
  }
}

function rowOf(layout: Layout, { partitions, act }: { partitions: number; act: Act }) {
  return {
    durability: null,
    contestants: ['ottla'],
    quick: true,
    obstacle: ({ ports }: Surroundings) =>
      layout !== 'three brokers' || ports.disk.exists(ETCD) ? null : `${ETCD} is not there`,
    run: async (run: RowRun): Promise<Outcome> => {
      await using stack = new AsyncDisposableStack()
      const cluster = await start(layout, run, stack)
      const rounds = run.quick ? WARM_UP_ROUNDS.quick : WARM_UP_ROUNDS.full
      for (let i = 0; i < rounds; i++) await onTopic(`${run.topic}-warm-${i}`, { run, cluster, partitions, act })
      return await onTopic(run.topic, { run, cluster, partitions, act })
    },
  } as const
}

/** The data goes with its broker. */
async function start(layout: Layout, run: RowRun, stack: AsyncDisposableStack): Promise<Cluster> {
  const begin = async (name: string, more: { settings?: Record<string, string>; brokers?: number } = {}) =>
    stack.use(
      await BrokerProcess.start({
        ...{ ...run.ports, watchesLoop: false, dataDirectory: `${run.directory}/${run.topic}-${name}` },
        ...more,
      }),
    )
  if (layout !== 'three brokers') {
    const { pid, bootstrap } = await begin('alone', layout === 'one broker' ? {} : { brokers: BROKERS.length })
    return { bootstrap: bootstrap.split(',')[0]!, pids: [pid], replicas: layout === 'one broker' ? [1] : BROKERS }
  }
  const { address } = stack.use(await EtcdMember.start())
  const store = `etcd://${address}/bench`
  const brokers: BrokerProcess[] = []
  for (const id of BROKERS) {
    brokers.push(await begin(`${id}`, { settings: { 'node.id': `${id}`, 'metadata.store': store } }))
  }
  return { bootstrap: brokers[0]!.bootstrap, pids: brokers.map(({ pid }) => pid), replicas: BROKERS }
}

/** Partition n is led by broker n, and so on in turn. */
async function onTopic(
  topic: string,
  { run, cluster, partitions, act }: { run: RowRun; cluster: Cluster; partitions: number; act: Act },
): Promise<Outcome> {
  const { bootstrap, replicas } = cluster
  const assignments = Array.from({ length: partitions }, (_, first) =>
    replicas.map((_, i) => replicas[(first + i) % replicas.length]!),
  )
  // Else a follower that lags would be left out, and what is left be measured.
  const configs = { 'min.insync.replicas': `${replicas.length}` }
  await using client = await openClient({ bootstrap })
  const [created] = await createTopics(client, [{ name: topic, assignments, configs }])
  if (created?.error != null) throw created.error
  await runCommand('sync', [], { timeoutMs: SYNC_MS_MAX })
  await run.ports.timers.sleep(SETTLE_MS)
  return await act({ ...run, topic, bootstrap }, cluster)
}

async function measureProduce(run: RowRun, { pids }: Cluster, load: ProduceLoad): Promise<Outcome> {
  const read = (): number[] => pids.map((pid) => sampleProcess(run.ports.disk, pid)?.cpuSeconds ?? Number.NaN)
  const before = read()
  const outcome = await produce(run, load)
  const gigabytes = outcome.bytes / GIGABYTE
  const [first, ...others] = read().map((seconds, i) => (seconds - before[i]!) / gigabytes)
  const cpu = {
    'first broker CPU s/GB': first!,
    'other brokers CPU s/GB': others.reduce((sum, one) => sum + one, 0),
  }
  return { ...outcome, figures: { ...outcome.figures, ...cpu } }
}
