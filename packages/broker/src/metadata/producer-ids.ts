/**
 * Producer ids for this broker's clients: taken from the controller in blocks, given out one by one, never twice. Ids of
 * a block that a stopped broker had not used are lost, as in Kafka.
 */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { ControllerClient } from './controller-client.ts'

export class ProducerIds {
  readonly #controller: Pick<ControllerClient, 'allocateProducerIds'>
  #next = 0
  #left = 0
  /** One allocation serves all that ask while it runs. */
  #allocating: Promise<void> | null = null

  constructor(controller: Pick<ControllerClient, 'allocateProducerIds'>) {
    this.#controller = controller
  }

  /** Throws ProtocolError REQUEST_TIMED_OUT or COORDINATOR_LOAD_IN_PROGRESS when no block could be had. */
  async next(): Promise<number> {
    while (this.#left === 0) {
      this.#allocating ??= this.#allocate()
      await this.#allocating
    }
    this.#left--
    return this.#next++
  }

  async #allocate(): Promise<void> {
    try {
      const block = await this.#controller.allocateProducerIds()
      if (block instanceof ProtocolError) throw block
      this.#next = block.first
      this.#left = block.count
    } finally {
      this.#allocating = null
    }
  }
}
