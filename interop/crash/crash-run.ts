/**
 * Owns a crash run: a broker under load from idempotent producers is killed with SIGKILL at random moments, now and then
 * a second time while it is starting again, and after each start all that was acknowledged has to be there.
 *
 * Moments are drawn from a seed; what the machine does in between is not, so a run does not repeat to the letter.
 */
import assert from 'node:assert/strict'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { BrokerProcess } from '../broker-process.ts'
import { connect, createTopic } from '../cluster.ts'
import { ConfluentProducer } from './confluent-producer.ts'
import { Lane } from './lanes.ts'
import type { CrashProducer } from './producer.ts'
import { RawProducer } from './raw-producer.ts'

const PARTITIONS = 2
/** Small, so that kills also meet new segments being begun. */
const TOPIC_CONFIGS = { 'segment.bytes': '1048576', 'index.interval.bytes': '512' }
const UP_MS_MAX = 150
/** One start in so many is cut off at a random moment. */
const STARTS_PER_CUT = 4
const START_MS_MAX = 200

export interface CrashRunOptions {
  readonly dataDir: string
  readonly kills: number
  readonly seed: string
  readonly producers: readonly ('raw' | 'confluent')[]
  /** Called after each kill that was checked. */
  readonly report?: (state: CrashSummary) => void
}

export interface CrashSummary {
  readonly kills: number
  /** Of the kills, those before the broker was ready. */
  readonly killsWhileStarting: number
  /** Records acknowledged with acks=all, by producer. */
  readonly acknowledged: { readonly [producer: string]: number }
}

/** Rejects with AssertionError at the first promise that is broken. */
export async function crashRun(options: CrashRunOptions): Promise<CrashSummary> {
  await using run = await CrashRun.start(options)
  while (run.summary.kills < options.kills) {
    await run.killOnce()
    options.report?.(run.summary)
  }
  await run.finish()
  return run.summary
}

class CrashRun implements AsyncDisposable {
  readonly #dataDir: string
  readonly #listen: string
  readonly #killsMax: number
  readonly #random: Random
  readonly #producers: readonly CrashProducer[]
  readonly #stack: DisposableStack
  #broker: BrokerProcess
  #kills = 0
  #killsWhileStarting = 0

  static async start({ dataDir, kills, seed, producers }: CrashRunOptions): Promise<CrashRun> {
    const broker = await BrokerProcess.start({ dataDir })
    const random = seededRandom(`${seed}, moments`)
    const stack = new DisposableStack()
    const running = await startProducers(producers, { broker, random: seededRandom(`${seed}, sizes`), stack })
    return new CrashRun({ dataDir, killsMax: kills, random, producers: running, stack, broker })
  }

  private constructor(parts: {
    dataDir: string
    killsMax: number
    random: Random
    producers: readonly CrashProducer[]
    stack: DisposableStack
    broker: BrokerProcess
  }) {
    this.#dataDir = parts.dataDir
    this.#killsMax = parts.killsMax
    this.#random = parts.random
    this.#producers = parts.producers
    this.#stack = parts.stack
    this.#broker = parts.broker
    this.#listen = parts.broker.bootstrap
  }

  get summary(): CrashSummary {
    const totals = this.#producers.map(({ name, lanes }) => {
      return [name, lanes.reduce((sum, lane) => sum + lane.acknowledged, 0)] as const
    })
    const acknowledged = Object.fromEntries(totals)
    return { kills: this.#kills, killsWhileStarting: this.#killsWhileStarting, acknowledged }
  }

  /** Lets the broker work for a moment, kills it, starts it again, and looks at what it has. */
  async killOnce(): Promise<void> {
    await systemTimers.sleep(this.#random.below(UP_MS_MAX))
    assert(this.#broker.isRunning, `The broker has ended by itself:\n${this.#broker.logLines.join('\n')}`)
    await this.#broker.kill()
    this.#kills++
    while (this.#kills < this.#killsMax && this.#random.below(STARTS_PER_CUT) === 0) await this.#cutStart()
    this.#broker = await BrokerProcess.start({ dataDir: this.#dataDir, listen: this.#listen })
    for (const producer of this.#producers) producer.brokerIsBack()
    await this.#eachLane((lane, connection) => lane.check(connection))
  }

  /** Everything that was begun is acknowledged, then read once more from the start by a broker that stopped in order. */
  async finish(): Promise<void> {
    await Promise.all(this.#producers.map((producer) => producer.finish()))
    assert.deepEqual(await this.#broker.stop(), { exitCode: 0, signal: null })
    this.#broker = await BrokerProcess.start({ dataDir: this.#dataDir, listen: this.#listen })
    await this.#eachLane((lane, connection) => lane.checkAll(connection))
  }

  async #cutStart(): Promise<void> {
    const broker = BrokerProcess.launch({ dataDir: this.#dataDir, listen: this.#listen })
    await systemTimers.sleep(this.#random.below(START_MS_MAX))
    if (broker.output === '') this.#killsWhileStarting++
    await broker.kill()
    this.#kills++
  }

  async #eachLane(look: (lane: Lane, connection: Awaited<ReturnType<typeof connect>>) => Promise<void>): Promise<void> {
    await using connection = await connect(this.#broker)
    for (const { lanes } of this.#producers) for (const lane of lanes) await look(lane, connection)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stack[Symbol.dispose]()
    await this.#broker[Symbol.asyncDispose]()
  }
}

async function startProducers(
  names: CrashRunOptions['producers'],
  { broker, random, stack }: { broker: BrokerProcess; random: Random; stack: DisposableStack },
): Promise<CrashProducer[]> {
  await using admin = await connect(broker)
  for (const name of names) await createTopic(admin, { name, partitions: PARTITIONS, configs: TOPIC_CONFIGS })
  return names.map((name) => {
    const lanes = Array.from({ length: PARTITIONS }, (_, partition) => new Lane(name, partition))
    if (name === 'raw') return new RawProducer({ address: broker, lanes, random })
    return stack.use(new ConfluentProducer({ bootstrap: broker.bootstrap, lanes }))
  })
}
