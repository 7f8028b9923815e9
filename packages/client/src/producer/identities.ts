/** Owns the producer id that the cluster gave this producer (KIP-98), asked for when first needed and shared by all partitions. */
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Connections } from '../connections.ts'
import type { ProducerIdentity } from './outgoing-batch.ts'

/** Without a transactional id the broker only checks that it is positive. */
const TRANSACTION_TIMEOUT_MS = 60_000

export class Identities {
  readonly #connections: Connections
  #current: ProducerIdentity | null = null
  #asking: Promise<ProducerIdentity> | null = null

  constructor(connections: Connections) {
    this.#connections = connections
  }

  /** The identity, if there is one already. */
  get current(): ProducerIdentity | null {
    return this.#current
  }

  /** Asks a broker for one; those who ask meanwhile share the answer. Rejects with ProtocolError or a lost connection. */
  async obtain(options: { signal: AbortSignal }): Promise<ProducerIdentity> {
    if (this.#current !== null) return this.#current
    this.#asking ??= this.#ask(options.signal).finally(() => {
      this.#asking = null
    })
    return await this.#asking
  }

  /** This one is of no use any more; the next is asked for when needed. Ignored where it was replaced already. */
  discard(identity: ProducerIdentity): void {
    if (this.#current?.producerId === identity.producerId) this.#current = null
  }

  async #ask(signal: AbortSignal): Promise<ProducerIdentity> {
    const connection = await this.#connections.any({ signal })
    const request = { transactionalId: null, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS }
    const answer = await connection.request(InitProducerId, request, { signal })
    if (answer.errorCode !== 0) {
      const error = errorName(answer.errorCode)
      throw new ProtocolError(error, `Cannot get a producer id: ${error}`)
    }
    this.#current = { producerId: answer.producerId, epoch: answer.producerEpoch }
    return this.#current
  }
}
