/**
 * Owns what a walk over a log's batches, in order, knows of their transactions: which batches belong to aborted ones,
 * and which markers have nothing left that they end.
 */
import { unreachable } from '@ottla/base/assert.ts'
import {
  batchAttributes,
  batchLastOffset,
  batchProducerId,
  batchRecordCount,
  isTransactional,
} from '@ottla/protocol/records/batch.ts'
import { readControlRecord } from '@ottla/protocol/records/control.ts'
import type { AbortedTransaction } from '../transaction-index.ts'

export class TransactionsSeen {
  /** By their first offset; from `#next` on they begin behind what was seen. */
  readonly #aborted: readonly AbortedTransaction[]
  #next = 0
  /** By producer id: aborted transactions that have begun and not ended, and whether any of their batches was seen. */
  readonly #openAborted = new Map<number, { readonly transaction: AbortedTransaction; hasBatches: boolean }>()
  /** Producer ids of which transactional batches were seen since their last marker. */
  readonly #openCommitted = new Set<number>()
  readonly #onKeptAbort: (transaction: AbortedTransaction) => void

  /** `onKeptAbort` is told of each aborted transaction whose marker still has batches to end. */
  constructor(
    aborted: readonly AbortedTransaction[],
    onKeptAbort: (transaction: AbortedTransaction) => void = () => {},
  ) {
    this.#aborted = aborted.toSorted((left, right) => left.firstOffset - right.firstOffset)
    this.#onKeptAbort = onKeptAbort
  }

  /** Whether the batch's records belong to an aborted transaction. */
  sawBatch(batch: Buffer): boolean {
    this.#openUpTo(batchLastOffset(batch, 0))
    if (!isTransactional(batchAttributes(batch, 0))) return false
    const producerId = batchProducerId(batch, 0)
    const aborted = this.#openAborted.get(producerId)
    if (aborted === undefined) {
      this.#openCommitted.add(producerId)
      return false
    }
    aborted.hasBatches = true
    return true
  }

  /** Whether the control batch ends nothing that is still there. */
  sawControlBatch(batch: Buffer): boolean {
    this.#openUpTo(batchLastOffset(batch, 0))
    // One that was kept without its record has done its duty.
    if (batchRecordCount(batch, 0) === 0) return true
    const control = readControlRecord(batch)
    switch (control.kind) {
      case 'other':
        return false
      case 'end-transaction':
        return control.commit ? !this.#openCommitted.delete(batchProducerId(batch, 0)) : this.#abort(batch)
      default:
        return unreachable(control)
    }
  }

  #abort(batch: Buffer): boolean {
    const producerId = batchProducerId(batch, 0)
    const aborted = this.#openAborted.get(producerId)
    this.#openAborted.delete(producerId)
    if (aborted === undefined || !aborted.hasBatches) return true
    this.#onKeptAbort(aborted.transaction)
    return false
  }

  #openUpTo(offset: number): void {
    for (; this.#next < this.#aborted.length; this.#next++) {
      const transaction = this.#aborted[this.#next]!
      if (transaction.firstOffset > offset) return
      this.#openAborted.set(transaction.producerId, { transaction, hasBatches: false })
    }
  }
}
