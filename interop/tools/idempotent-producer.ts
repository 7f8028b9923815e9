/**
 * An idempotent producer whose identity and sequence numbers outlive its broker: it goes on at whichever broker has the
 * log, as a client does whose broker was replaced. It writes to partition 0.
 */
import assert from 'node:assert/strict'
import { systemClock } from '@ottla/base/clock.ts'
import { deferred } from '@ottla/base/deferred.ts'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import { type Produced, produce } from '../cluster.ts'

const BATCH_RECORDS = 3
const ID_TRIES_MAX = 100
const ID_RETRY_MS = 50
const NONE = 0

interface Acknowledged {
  readonly bytes: Buffer
  readonly offset: number
}

export class IdempotentProducer {
  readonly #topic: string
  #producerId = -1
  #nextSequence = 0
  #newest: Acknowledged | null = null

  constructor(topic: string) {
    this.#topic = topic
  }

  async begin(connection: BrokerConnection): Promise<void> {
    this.#producerId = await newProducerId(connection)
  }

  /** Sends batches without waiting for one before the next; all are appended, one behind the other. */
  async send(connection: BrokerConnection, count: number): Promise<void> {
    const batches = Array.from({ length: count }, () => this.#batch())
    const answers = await Promise.all(batches.map((batch) => this.#produce(connection, batch)))
    for (const [index, { error, message, baseOffset }] of answers.entries()) {
      assert.equal(error, 'NONE', `An idempotent producer can go on: ${message}`)
      if (this.#newest !== null) assert(baseOffset >= this.#newest.offset + BATCH_RECORDS, 'Offsets ascend')
      this.#newest = { bytes: batches[index]!, offset: baseOffset }
    }
  }

  /** What the broker makes of the newest batch when it comes again. */
  async resendNewest(connection: BrokerConnection): Promise<'duplicate' | Produced> {
    assert(this.#newest !== null, 'Something was sent')
    const answer = await this.#produce(connection, this.#newest.bytes)
    return answer.error === 'NONE' && answer.baseOffset === this.#newest.offset ? 'duplicate' : answer
  }

  #batch(): Buffer {
    const builder = new BatchBuilder()
    const baseSequence = this.#nextSequence
    // Kafka forgets a producer whose newest record is a day old, by the record's own time.
    for (let number = 0; number < BATCH_RECORDS; number++) {
      builder.append({ timestampMs: systemClock.wallMs(), key: null, value: `of producer ${baseSequence + number}` })
    }
    this.#nextSequence += BATCH_RECORDS
    return Buffer.from(builder.build({ producerId: this.#producerId, producerEpoch: 0, baseSequence }))
  }

  async #produce(connection: BrokerConnection, batch: Buffer): Promise<Produced> {
    // The broker writes offsets into what it is sent; this producer's copies stay as they are.
    return await produce(connection, { topic: this.#topic }, Buffer.from(batch))
  }
}

/**
 * Has a cluster give away ids until those that a log knows from another cluster are behind it: each cluster counts from
 * 0, and a new producer with an old id would be taken for the old one, out of sequence.
 */
export async function passForeignIds(connection: BrokerConnection, count: number): Promise<void> {
  for (let passed = 0; passed < count; passed++) await newProducerId(connection)
}

/** Kafka has none to give, which is retriable, until it has fetched its first block of them from its controller. */
async function newProducerId(connection: BrokerConnection): Promise<number> {
  const request = { transactionalId: null, transactionTimeoutMs: 60_000 }
  for (let tries = 0; tries < ID_TRIES_MAX; tries++) {
    const { errorCode, producerId } = await connection.request(InitProducerId, request)
    if (errorCode === NONE) return producerId
    assert.equal(errorName(errorCode), 'COORDINATOR_LOAD_IN_PROGRESS', 'A broker gives producers their ids')
    const { promise, resolve } = deferred<void>()
    setTimeout(resolve, ID_RETRY_MS)
    await promise
  }
  throw new Error(`Cannot get a producer id in ${ID_TRIES_MAX} tries`)
}
