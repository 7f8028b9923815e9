/**
 * Owns the contestants' processes through a bench: each is started when it is first wanted, loaded until it is warm, and
 * lives to the end, as a JVM judged in its first minute would be judged by its interpreter. Only the one whose turn it
 * is runs; the others are stopped by SIGSTOP, so that they take no time from it.
 */
import { createTopics } from '@ottla/client/admin.ts'
import { openClient } from '@ottla/client/client.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import type { BenchPorts } from '../broker-process.ts'
import type { Contestant, ContestantName, LiveBroker } from './contestant.ts'

export interface ArenaOptions {
  readonly ports: BenchPorts
  /** Below it each has its data. */
  readonly directory: string
  /** Loads a fresh process. */
  readonly warmUp: (contestant: Contestant, broker: LiveBroker) => Promise<void>
}

interface Place {
  readonly broker: LiveBroker
  isStopped: boolean
}

const ALIVE_TOPIC = 'bench-alive'
/** What a contestant that was stopped has to acknowledge before it is measured: timers that ran late are behind it then. */
const ALIVE_RECORDS = 100

export class Arena implements AsyncDisposable {
  readonly #options: ArenaOptions
  readonly #places = new Map<ContestantName, Place>()
  #starts = 0

  constructor(options: ArenaOptions) {
    this.#options = options
  }

  /** Resolves when this contestant alone runs, warm, and serves. */
  async turnOf(contestant: Contestant): Promise<LiveBroker> {
    this.stopAll(contestant.name)
    const place = this.#places.get(contestant.name)
    if (place === undefined) return await this.#enter(contestant)
    if (place.isStopped) await this.#wake(place)
    return place.broker
  }

  /** Stops all but the one that is named. */
  stopAll(butNot?: ContestantName): void {
    for (const [name, place] of this.#places) {
      if (name === butNot || place.isStopped) continue
      place.broker.signal('SIGSTOP')
      place.isStopped = true
    }
  }

  /** Ends a contestant's process: what state a failed row left it in, nobody knows. Answers how it had ended, if it had. */
  async dismiss(name: ContestantName): Promise<string | null> {
    const place = this.#places.get(name)
    const obituary = place?.broker.obituary ?? null
    this.#places.delete(name)
    await place?.broker[Symbol.asyncDispose]()
    return obituary
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...this.#places.keys()]) await this.dismiss(name)
  }

  async #enter(contestant: Contestant): Promise<LiveBroker> {
    const { ports, directory, warmUp } = this.#options
    const dataDirectory = `${directory}/${contestant.name}-${++this.#starts}`
    const broker = await contestant.start({ ...ports, dataDirectory })
    this.#places.set(contestant.name, { broker, isStopped: false })
    await makeAliveTopic(broker)
    await warmUp(contestant, broker)
    return broker
  }

  async #wake(place: Place): Promise<void> {
    place.broker.signal('SIGCONT')
    place.isStopped = false
    await proveAlive(place.broker)
  }
}

async function makeAliveTopic({ bootstrap }: LiveBroker): Promise<void> {
  await using client = await openClient({ bootstrap })
  const topic = { name: ALIVE_TOPIC, partitions: 1, replicationFactor: 1 }
  for (const { error } of await createTopics(client, [topic])) if (error !== null) throw error
}

/** One record after another, on a connection of its own; the producer waits for a leader where there is none yet. */
async function proveAlive({ bootstrap }: LiveBroker): Promise<void> {
  await using client = await openClient({ bootstrap })
  await using producer = new Producer(client, { acks: 'all', lingerMs: 0 })
  for (let i = 0; i < ALIVE_RECORDS; i++) await producer.send(ALIVE_TOPIC, { value: Buffer.from('alive') })
}
