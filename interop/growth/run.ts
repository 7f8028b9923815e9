/**
 * Growth by hand, as a user does it: two brokers become four under load and go back to three. Real processes on one
 * etcd; librdkafka and our client produce with acks=all and read along. Prints what each step took, whether the throttle
 * held, how even the brokers are, and fails where a client met an error or a record is missing.
 *
 * scripts/node26 interop/growth/run.ts [--megabytes 120] [--throttle 8MB]
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import { systemClock } from '@ottla/base/clock.ts'
import { deferred } from '@ottla/base/deferred.ts'
import { parseRate } from '@ottla/cli/arguments.ts'
import { type BrokerLoad, type Move, planBalance } from '@ottla/cli/balance/plan.ts'
import { readCluster } from '@ottla/cli/balance/snapshot.ts'
import { createTopics } from '@ottla/client/admin.ts'
import { type Client, openClient } from '@ottla/client/client.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { needs } from '../debian.ts'
import { BrokerCluster } from '../etcd/broker-cluster.ts'
import { EtcdMember } from '../etcd/etcd-process.ts'
import { OTTLA, PYTHON, succeed } from '../processes.ts'
import { SpreadLoad } from './spread-load.ts'

const { values } = parseArgs({
  options: { megabytes: { type: 'string', default: '120' }, throttle: { type: 'string', default: '8MB' } },
})
const PARTITIONS = 24
const FILL_RECORD_BYTES = 100_000
const EVEN = 0.1
const FOREIGN_RECORD_BYTES = 200
const FOREIGN_PER_SECOND = 300
const MEGABYTE = 1_000_000
/** A load whose parent is gone ends by itself then. */
const RUN_MS_MAX = 600_000

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** librdkafka in a process of its own, until it is told to stop. */
class ForeignLoad implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  #output = ''
  readonly #closed = deferred<number | null>()

  constructor(bootstrap: string, topic: string) {
    const script = new URL('librdkafka_load.py', import.meta.url).pathname
    const args = [bootstrap, topic, PARTITIONS, FOREIGN_RECORD_BYTES, FOREIGN_PER_SECOND].map(String)
    this.#child = spawn(PYTHON, [script, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: RUN_MS_MAX,
      killSignal: 'SIGKILL',
    })
    this.#child.stdin.on('error', () => {})
    const end = () => void this.#child.kill('SIGKILL')
    process.once('exit', end)
    this.#closed.promise.then(() => process.off('exit', end))
    this.#child.stdout.on('data', (bytes: Buffer) => {
      this.#output += bytes
    })
    this.#child.on('close', this.#closed.resolve)
  }

  /** What it says of itself at its end. Rejects where it met an error, or has not read all that it was acknowledged. */
  async stop(): Promise<string> {
    this.#child.stdin.end()
    const exitCode = await this.#closed.promise
    if (exitCode !== 0) throw new Error(`librdkafka has ended with ${exitCode}`)
    const said = this.#output.trim().split('\n').at(-1)!
    const { errors, same } = JSON.parse(said) as { errors: string[]; same: boolean }
    if (errors.length > 0 || !same) throw new Error(`librdkafka met an error: ${said}`)
    return said
  }

  /** However this ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed.promise
  }
}

async function fill(client: Client, topic: string): Promise<void> {
  await using producer = new Producer(client, { acks: 'all' })
  const value = Buffer.alloc(FILL_RECORD_BYTES, 'x')
  const count = (Number(values.megabytes) * MEGABYTE) / FILL_RECORD_BYTES
  for (let i = 0; i < count; i += PARTITIONS) {
    const records = Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, value }))
    await producer.sendBatch(topic, records)
  }
}

async function loadsOf(client: Client): Promise<readonly BrokerLoad[]> {
  return planBalance((await readCluster(client, { signal: new AbortController().signal })).state).before
}

/** How far the one furthest from the mean is, as a part of it. */
function unevenness(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return Math.max(...counts.map((count) => Math.abs(count - mean) / mean))
}

async function assertEven(client: Client, ids: readonly number[]): Promise<void> {
  const loads = (await loadsOf(client)).filter(({ broker }) => ids.includes(broker))
  const [bytes, leaders] = [loads.map((load) => load.bytes), loads.map((load) => load.leaders)]
  const shown = loads.map((load) => `${load.broker}: ${(load.bytes / MEGABYTE).toFixed(1)} MB, ${load.leaders} leaders`)
  say(`  ${shown.join('; ')}`)
  const [byBytes, byLeaders] = [unevenness(bytes), unevenness(leaders)]
  say(`  furthest from the mean: bytes ${(byBytes * 100).toFixed(1)} %, leaders ${(byLeaders * 100).toFixed(1)} %`)
  if (byBytes > EVEN || byLeaders > EVEN) throw new Error('The brokers are not even')
}

/** Runs a command that moves replicas, and says how fast each broker was filled. */
async function move(bootstrap: string, args: readonly string[]): Promise<void> {
  const all = ['cluster', ...args, '--execute', '--throttle', values.throttle, '--json', '--bootstrap', bootstrap]
  const startMs = systemClock.monotonicMs()
  const { output } = await succeed(OTTLA, all, { timeoutMs: RUN_MS_MAX })
  const seconds = (systemClock.monotonicMs() - startMs) / 1000
  const { moves, rounds } = JSON.parse(output.toString()) as { moves: readonly Move[]; rounds: number }
  const into = new Map<number, number>()
  for (const { bytes, from, to } of moves) {
    const added = to.filter((id) => !from.includes(id))
    for (const id of added) into.set(id, (into.get(id) ?? 0) + bytes / added.length)
  }
  const rates = [...into].map(
    ([id, bytes]) => `${id}: ${(bytes / MEGABYTE).toFixed(1)} MB, ${(bytes / MEGABYTE / seconds).toFixed(2)} MB/s`,
  )
  say(`${args.join(' ')}: ${moves.length} moves, rounds ${rounds}, ${seconds.toFixed(1)} s; to ${rates.join('; ')}`)
  // Each round begins with a second of credit.
  const allowed = parseRate(values.throttle) * 1.1
  if ([...into.values()].some((bytes) => bytes / (seconds + rounds) > allowed)) {
    throw new Error('The throttle did not hold')
  }
}

const { skip } = await needs('etcd-server', 'python3-confluent-kafka')
if (skip !== undefined) throw new Error(`Cannot run: ${skip}`)
// Each process of the cluster, and the load, is ended with this one.
process.setMaxListeners(0)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
await using etcd = await EtcdMember.start()
await using cluster = await BrokerCluster.start({ store: () => `etcd://${etcd.address}/growth`, brokers: 2 })
const { bootstrap } = cluster
await using client = await openClient({ bootstrap })
const assignments = Array.from({ length: PARTITIONS }, (_, i) => (i % 2 === 0 ? [1, 2] : [2, 1]))
const topics = ['filled', 'ours', 'foreign'].map((name) => ({
  name,
  assignments,
  configs: { 'min.insync.replicas': '2' },
}))
for (const { error } of await createTopics(client, topics)) if (error !== null) throw error
await fill(client, 'filled')
say(`Two brokers with ${values.megabytes} MB, throttle ${values.throttle}`)
await using ours = new SpreadLoad(client, { topic: 'ours', partitions: PARTITIONS, recordBytes: 200 })
await using foreign = new ForeignLoad(bootstrap, 'foreign')
await ours.more(5)
await cluster.add(3)
await cluster.add(4)
await move(bootstrap, ['balance'])
await assertEven(client, [1, 2, 3, 4])
await ours.more(5)
await move(bootstrap, ['drain', '1'])
await assertEven(client, [2, 3, 4])
await cluster.broker(1).stop()
await ours.more(5)
await ours.stop()
const count = ours.acknowledged.flat().length
if (JSON.stringify(ours.read) !== JSON.stringify(ours.acknowledged))
  throw new Error('Our reader has not read what was acknowledged')
say(`Our client: ${count} records acknowledged and read, in order, no error`)
say(`librdkafka: ${await foreign.stop()}`)
