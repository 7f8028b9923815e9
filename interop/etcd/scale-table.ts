/** Owns the measuring of phases: the time, what etcd did in it, by its own metrics, and the CPU time of both sides. */
import { readFileSync } from 'node:fs'
import { systemClock } from '@ottla/base/clock.ts'
import type { ScaleCluster } from './scale-cluster.ts'

const MILLION = 1e6
const TICKS_PER_SECOND = 100

interface Reading {
  readonly txns: number
  readonly puts: number
  readonly syncs: number
  readonly syncSeconds: number
  readonly databaseBytes: number
  readonly etcdCpuSeconds: number
  readonly brokersCpuSeconds: number
}

export class PhaseTable {
  readonly #cluster: ScaleCluster
  readonly #rows: string[][] = []

  constructor(cluster: ScaleCluster) {
    this.#cluster = cluster
  }

  /** `act` may answer figures of its own. */
  async phase(name: string, act: () => Promise<string>): Promise<void> {
    this.#cluster.takeCommits()
    const before = await this.#read()
    const startMs = systemClock.monotonicMs()
    const said = await act()
    const seconds = (systemClock.monotonicMs() - startMs) / 1000
    const after = await this.#read()
    const row = [name, `${seconds.toFixed(2)} s`, ...this.#figures(before, after, seconds), said]
    this.#rows.push(row)
    process.stdout.write(`${row.join(' | ')}\n`)
  }

  print(): void {
    const head = ['phase', 'time', 'txns (a second)', 'puts', 'commit p50 / p99 / max ms', 'sync ms', 'database']
    const rows = [[...head, 'CPU s: etcd, brokers', ''], ...this.#rows]
    process.stdout.write(`\n${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`)
  }

  #figures(before: Reading, after: Reading, seconds: number): string[] {
    const txns = after.txns - before.txns
    const syncs = after.syncs - before.syncs
    const times = this.#cluster
      .takeCommits()
      .map(({ ms }) => ms)
      .sort((a, b) => a - b)
    const at = (share: number): string => (times[Math.floor((times.length - 1) * share)] ?? 0).toFixed(1)
    const syncMs = syncs === 0 ? 0 : ((after.syncSeconds - before.syncSeconds) / syncs) * 1000
    const cpu = [after.etcdCpuSeconds - before.etcdCpuSeconds, after.brokersCpuSeconds - before.brokersCpuSeconds]
    return [
      `${txns} (${(txns / seconds).toFixed(0)})`,
      `${after.puts - before.puts}`,
      `${at(0.5)} / ${at(0.99)} / ${at(1)}`,
      syncMs.toFixed(1),
      `${(after.databaseBytes / MILLION).toFixed(1)} MB`,
      cpu.map((one) => one.toFixed(1)).join(', '),
    ]
  }

  async #read(): Promise<Reading> {
    const { address, pid } = this.#cluster.etcd
    const text = await (await fetch(`http://${address}/metrics`)).text()
    const { user, system } = process.cpuUsage()
    return {
      txns: metric(text, 'grpc_server_handled_total', /grpc_method="Txn"/),
      puts: metric(text, 'etcd_debugging_mvcc_put_total'),
      syncs: metric(text, 'etcd_disk_wal_fsync_duration_seconds_count'),
      syncSeconds: metric(text, 'etcd_disk_wal_fsync_duration_seconds_sum'),
      databaseBytes: metric(text, 'etcd_mvcc_db_total_size_in_bytes'),
      etcdCpuSeconds: cpuSecondsOf(pid),
      brokersCpuSeconds: (user + system) / MILLION,
    }
  }
}

/** The sum over its labels that match. */
function metric(text: string, name: string, labels = /^/): number {
  let sum = 0
  for (const line of text.split('\n')) {
    if (!line.startsWith(name) || !(line[name.length] === ' ' || line[name.length] === '{')) continue
    if (labels.test(line)) sum += Number(line.slice(line.lastIndexOf(' ')))
  }
  return sum
}

function cpuSecondsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}
