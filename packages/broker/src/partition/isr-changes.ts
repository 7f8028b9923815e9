/**
 * Takes the changes of in-sync sets that this broker's leaders propose to the controller: all that come in one turn as
 * one request, one request at a time.
 *
 * A proposal stands until it is known what became of it, because it may have been written although its answer was lost:
 * it is sent again, which the partition epoch makes harmless, until the image shows a newer state. Only a refusal that
 * says that nothing was written ends it at once.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { ControllerClient } from '../metadata/controller-client.ts'
import type { Uuid } from '../metadata/image.ts'
import type { IsrProposal } from './replicas.ts'

export interface ProposedIsr {
  readonly topicId: Uuid
  readonly index: number
  readonly leaderEpoch: number
  readonly proposal: IsrProposal
  /** Whether the leader still waits for it. */
  readonly isCurrent: () => boolean
  /** Nothing was written, nor will be: the leader thinks again. */
  readonly withdraw: () => void
}

export interface IsrChangesOptions {
  readonly brokerId: number
  readonly brokerEpoch: () => number
  readonly controller: Pick<ControllerClient, 'alterPartitions'>
  readonly timers: Timers
  readonly logger: Logger
}

/** More than one broker leads; a partition has one proposal at a time. */
const WAITING_MAX = 100_000
/** Of partitions in one request: a commit holds no more shards than 127, each of some tens of partitions. */
const REQUEST_PARTITIONS_MAX = 5000
const RETRY_MS = 100

export class IsrChanges {
  readonly #options: IsrChangesOptions
  #waiting: ProposedIsr[] = []
  #isAsking = false
  #isAsked = false

  constructor(options: IsrChangesOptions) {
    this.#options = options
  }

  propose(proposed: ProposedIsr): void {
    assert(this.#waiting.length < WAITING_MAX, 'A partition has one proposal at a time')
    this.#waiting.push(proposed)
    if (this.#isAsking || this.#isAsked) return
    this.#isAsked = true
    this.#options.timers.soon(() => void this.#ask())
  }

  async #ask(): Promise<void> {
    this.#isAsked = false
    this.#isAsking = true
    while (this.#waiting.length > 0) {
      const asked = this.#waiting.slice(0, REQUEST_PARTITIONS_MAX)
      this.#waiting = this.#waiting.slice(REQUEST_PARTITIONS_MAX)
      await this.#askFor(asked)
    }
    this.#isAsking = false
  }

  async #askFor(asked: readonly ProposedIsr[]): Promise<void> {
    const { brokerId, brokerEpoch, controller, timers, logger } = this.#options
    const partitions = asked.map(({ topicId, index, leaderEpoch, proposal }) => {
      return { topicId, index, leaderEpoch, partitionEpoch: proposal.partitionEpoch, isr: proposal.isr }
    })
    const outcome = await controller
      .alterPartitions({ brokerId, brokerEpoch: brokerEpoch(), partitions })
      .catch((error: unknown) => new ProtocolError('REQUEST_TIMED_OUT', undefined, { cause: error }))
    const undecided = asked.filter((one, i) => {
      const answer = outcome instanceof ProtocolError ? outcome.error : outcome[i]
      // The replica was started anew, or is fenced: the set stayed as it was.
      if (answer === 'INELIGIBLE_REPLICA') one.withdraw()
      return typeof answer === 'string' && one.isCurrent()
    })
    if (undecided.length === 0) return
    logger.debug('The controller did not take all changes of in-sync sets: trying again', { count: undecided.length })
    await timers.sleep(RETRY_MS)
    this.#waiting.push(...undecided.filter((one) => one.isCurrent()))
  }
}
