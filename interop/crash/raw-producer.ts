/**
 * An idempotent producer of our own, in its simplest form: five batches under way for each partition, all sent again in
 * their order and with their sequence numbers on a new connection when the old one breaks.
 */

import { systemClock } from '@ottla/base/clock.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Random } from '@ottla/base/random.ts'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import { type BrokerAddress, connect, type Produced, produce } from '../cluster.ts'
import { type Lane, recordText } from './lanes.ts'
import type { CrashProducer } from './producer.ts'

/** The window in which a broker remembers batches. */
const IN_FLIGHT_MAX = 5
const BATCH_RECORDS_MAX = 5
const PADDING_BYTES_MAX = 400

interface Batch {
  readonly first: number
  readonly count: number
  readonly bytes: Buffer
}

export class RawProducer implements CrashProducer {
  readonly name = 'raw protocol'
  readonly lanes: readonly Lane[]
  readonly #address: BrokerAddress
  readonly #random: Random
  readonly #unanswered = new Map<Lane, Batch[]>()
  readonly #made = new Map<Lane, number>()
  readonly #done: Promise<void>
  #producerId = -1
  #isFinishing = false
  #back: Deferred<void> = deferred()

  constructor(options: { address: BrokerAddress; lanes: readonly Lane[]; random: Random }) {
    this.lanes = options.lanes
    this.#address = options.address
    this.#random = options.random
    for (const lane of this.lanes) this.#unanswered.set(lane, [])
    this.#done = this.#run()
    // A failure is told by `finish`, however long that takes to be called.
    this.#done.catch(() => {})
  }

  brokerIsBack(): void {
    const { resolve } = this.#back
    this.#back = deferred()
    resolve()
  }

  async finish(): Promise<void> {
    this.#isFinishing = true
    await this.#done
  }

  async #run(): Promise<void> {
    while (!this.#isDone()) {
      // Taken first: a broker that comes back while this is being looked at must not be missed.
      const { promise: back } = this.#back
      const connection = await this.#connect()
      if (connection !== null) await this.#driveAll(connection)
      if (!this.#isDone()) await back
    }
  }

  #isDone(): boolean {
    return this.#isFinishing && this.lanes.every((lane) => this.#unanswered.get(lane)!.length === 0)
  }

  /** Null where the broker is, or goes, away. */
  async #connect(): Promise<BrokerConnection | null> {
    try {
      const connection = await connect(this.#address, 'crash')
      if (this.#producerId >= 0) return connection
      const answer = await connection.request(InitProducerId, { transactionalId: null, transactionTimeoutMs: 60_000 })
      this.#producerId = answer.producerId
      return connection
    } catch {
      return null
    }
  }

  async #driveAll(connection: BrokerConnection): Promise<void> {
    try {
      await Promise.all(this.lanes.map((lane) => this.#drive(lane, connection)))
    } finally {
      await connection[Symbol.asyncDispose]()
    }
  }

  /** Ends when the connection does, or when all is acknowledged and nothing new is to be made. */
  async #drive(lane: Lane, connection: BrokerConnection): Promise<void> {
    const unanswered = this.#unanswered.get(lane)!
    const answers = unanswered.map((batch) => send(connection, lane, batch))
    for (;;) {
      while (unanswered.length < IN_FLIGHT_MAX && !this.#isFinishing) {
        const batch = this.#make(lane)
        unanswered.push(batch)
        answers.push(send(connection, lane, batch))
      }
      const [batch] = unanswered
      if (batch === undefined) return
      const answer = await answers.shift()!
      if (answer === null) return
      if (answer.error !== 'NONE')
        throw new Error(`Record ${batch.first} of ${lane}: ${answer.error} ${answer.message}`)
      lane.acknowledge({ ...batch, offset: answer.baseOffset })
      unanswered.shift()
    }
  }

  #make(lane: Lane): Batch {
    const first = this.#made.get(lane) ?? 0
    const count = 1 + this.#random.below(BATCH_RECORDS_MAX)
    const builder = new BatchBuilder()
    for (let number = first; number < first + count; number++) {
      const value = recordText(number, this.#random.below(PADDING_BYTES_MAX))
      builder.append({ timestampMs: systemClock.wallMs(), key: null, value })
    }
    this.#made.set(lane, first + count)
    const fields = { producerId: this.#producerId, producerEpoch: 0, baseSequence: first }
    return { first, count, bytes: Buffer.from(builder.build(fields)) }
  }
}

/** Null where the connection breaks before the answer. */
async function send(connection: BrokerConnection, lane: Lane, batch: Batch): Promise<Produced | null> {
  const { topic, partition } = lane
  return await produce(connection, { topic, partition }, batch.bytes).catch(() => null)
}
