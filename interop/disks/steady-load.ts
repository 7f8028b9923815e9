/**
 * Owns a client that writes one batch after another to a partition and goes on whatever it is told: what was
 * acknowledged, what was refused and with which error, and how long it took, by phases.
 */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '@ottla/base/clock.ts'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import type { ErrorName } from '@ottla/protocol/errors.ts'
import { type BrokerAddress, batchOf, connect, produce } from '../cluster.ts'
import { recordsOf } from '../partition-contents.ts'

/** Between an answer and the next batch. */
const PAUSE_MS = 50
const PADDING = 'x'.repeat(100_000)

export interface Target {
  readonly topic: string
  readonly partition: number
}

/** What came of the batches that were answered in it. */
export class Phase {
  acknowledged = 0
  readonly refused = new Map<ErrorName, number>()
  slowestMs = 0

  get text(): string {
    const refused = [...this.refused].map(([error, count]) => `, ${count} × ${error}`).join('')
    return `${this.acknowledged} acknowledged${refused}, slowest ${this.slowestMs.toFixed(0)} ms`
  }
}

export class SteadyLoad implements AsyncDisposable {
  readonly target: Target
  readonly #connection: BrokerConnection
  /** The number of each acknowledged record by its offset. */
  readonly #acknowledged = new Map<number, number>()
  readonly #running: Promise<void>
  #phase = new Phase()
  #isStopped = false
  #sent = 0

  /** By a connection of its own, that has to last: while a broker is short of files nobody new gets in. */
  static async start(address: BrokerAddress, target: Target): Promise<SteadyLoad> {
    return new SteadyLoad(await connect(address), target)
  }

  private constructor(connection: BrokerConnection, target: Target) {
    this.#connection = connection
    this.target = target
    this.#running = this.#run()
    // Whoever stops the load is told.
    this.#running.catch(() => {})
  }

  /** Ends a phase and answers with it. */
  endPhase(): Phase {
    const ended = this.#phase
    this.#phase = new Phase()
    return ended
  }

  /** Resolves with how long it took until the phase that goes on had its first acknowledgement. */
  async untilAcknowledged(msMax: number): Promise<number> {
    const startMs = systemClock.monotonicMs()
    while (this.#phase.acknowledged === 0) {
      const ms = systemClock.monotonicMs() - startMs
      assert(ms < msMax, `"${this.target.topic}-${this.target.partition}" takes records again in ${msMax} ms`)
      await delay(PAUSE_MS)
    }
    return systemClock.monotonicMs() - startMs
  }

  /** Rejects where the connection did not last. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running
  }

  /** Every acknowledged record is where it was acknowledged; answers how many there are. */
  async checkStored(connection: BrokerConnection): Promise<number> {
    const stored = new Map((await recordsOf(connection, this.target)).map(({ offset, value }) => [offset, value]))
    for (const [offset, number] of this.#acknowledged) {
      assert.equal(stored.get(offset)?.startsWith(`${number} `), true, `Record ${number} is at offset ${offset}`)
    }
    return this.#acknowledged.size
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    await this.#connection[Symbol.asyncDispose]()
    await this.#running.catch(() => {})
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const number = this.#sent++
      const batch = batchOf([`${number} ${PADDING}`])
      const startMs = systemClock.monotonicMs()
      const { error, baseOffset } = await produce(this.#connection, this.target, batch)
      const phase = this.#phase
      phase.slowestMs = Math.max(phase.slowestMs, systemClock.monotonicMs() - startMs)
      if (error !== 'NONE') phase.refused.set(error, (phase.refused.get(error) ?? 0) + 1)
      else {
        phase.acknowledged++
        this.#acknowledged.set(baseOffset, number)
      }
      await delay(PAUSE_MS)
    }
  }
}
