/**
 * Watches over etcd's space: once its database has grown to its quota, etcd refuses every change until an operator has
 * compacted it and cleared the alarm. Says so once when it begins and once when it is over.
 */
import type { Logger } from '@ottla/base/logger.ts'

const ADVICE =
  'no topic, setting or broker can be changed until it is compacted and defragmented and the alarm is cleared: see docs/etcd.md'

export class SpaceWatch {
  readonly #logger: Logger
  #isExceeded = false

  constructor(logger: Logger) {
    this.#logger = logger
  }

  get isExceeded(): boolean {
    return this.#isExceeded
  }

  saw(isExceeded: boolean, endpoints: string): void {
    if (isExceeded === this.#isExceeded) return
    this.#isExceeded = isExceeded
    if (isExceeded) this.#logger.error(`etcd is out of space (alarm NOSPACE): ${ADVICE}`, { endpoints })
    else this.#logger.info('etcd has space again', { endpoints })
  }
}
