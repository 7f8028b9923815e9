/** Owns what the operator is told while a broker that was not stopped cleanly checks its logs: one line a second. */
import type { Logger } from '@ottla/base/logger.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'

const INTERVAL_MS = 1000
const GIGABYTE = 1e9

export class OpeningProgress implements Disposable {
  readonly #options: { readonly timers: Timers; readonly logger: Logger; readonly total: number }
  #opened = 0
  #checkedBytes = 0
  #timer: Timer

  constructor(options: { timers: Timers; logger: Logger; total: number }) {
    this.#options = options
    this.#timer = options.timers.after(INTERVAL_MS, this.#tell)
  }

  opened(): void {
    this.#opened++
  }

  checked(bytes: number): void {
    this.#checkedBytes += bytes
  }

  readonly #tell = (): void => {
    const { timers, logger, total } = this.#options
    const gigabytes = (this.#checkedBytes / GIGABYTE).toFixed(1)
    const counts = `${this.#opened.toLocaleString('en')} of ${total.toLocaleString('en')} logs`
    logger.info(`Recovered ${counts}, ${gigabytes} GB checked`)
    this.#timer = timers.after(INTERVAL_MS, this.#tell)
  };

  [Symbol.dispose](): void {
    this.#timer.cancel()
  }
}
