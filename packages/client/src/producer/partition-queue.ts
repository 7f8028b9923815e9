/**
 * Owns the order of one partition's batches: open (still filling), ready (full, unsent), pending (has a sequence,
 * not yet acknowledged). A state machine without network and timers: the sender asks it what to send and tells it what
 * came back.
 *
 * Order is kept although several batches are under way, because a broker takes a producer's batches by sequence alone:
 * when one fails, those behind it are refused as out of order, and all are sent again, oldest first. Nothing new gets
 * a sequence while one of them waits to be sent again. A broker remembers the last five batches, so a batch whose
 * answer was lost is recognized, and no more than five may be pending.
 *
 * Where the broker's memory and ours do not fit (it lost records, or a batch was given up here), the partition's epoch
 * is bumped and what is pending starts again at sequence 0 (KIP-360, KIP-588). Brokers keep epochs by producer and
 * partition, so other partitions are not concerned.
 */
import { assert } from '@ottla/base/assert.ts'
import type { NewRecord } from '@ottla/protocol/records/batch-builder.ts'
import type { Delivery, OutgoingBatch, ProducerIdentity, Stored } from './outgoing-batch.ts'

/** Batches of one partition that a broker recognizes when they come again. */
export const PENDING_MAX = 5

const SEQUENCES = 0x8000_0000
const EPOCH_MAX = 0x7fff

export interface PartitionQueueOptions {
  readonly topic: string
  readonly partition: number
  /** Batches that may be under way: 5 with idempotence, 1 without, where only waiting keeps order. */
  readonly pendingMax: number
  readonly idempotent: boolean
  /** 0: an open batch is due as soon as nothing is pending. */
  readonly lingerMs: number
}

export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  readonly #options: PartitionQueueOptions
  #open: OutgoingBatch | null = null
  readonly #ready: OutgoingBatch[] = []
  readonly #pending: OutgoingBatch[] = []
  #identity: ProducerIdentity | null = null
  #sequence = 0
  /** What is pending has to start again at sequence 0, once nothing of it is under way … */
  #mustRenumber = false
  /** … under the next epoch, unless the identity is a new one anyway. */
  #mustBumpEpoch = false
  #notBeforeMs = 0
  /** Failed attempts of the oldest batch since the last success: those behind it fail along with it. */
  failures = 0

  constructor(options: PartitionQueueOptions) {
    assert(options.pendingMax >= 1 && options.pendingMax <= PENDING_MAX, 'Brokers recognize the last five batches')
    this.topic = options.topic
    this.partition = options.partition
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#open === null && this.#ready.length === 0 && this.#pending.length === 0
  }

  /** True where the sender has to bring an identity before anything can be sent. */
  get needsIdentity(): boolean {
    return this.#options.idempotent && this.#identity === null && !this.isEmpty
  }

  get identity(): ProducerIdentity | null {
    return this.#identity
  }

  /** Adds a record to the open batch. False where there is none or it is full; it is closed then. */
  append(record: NewRecord, delivery: Delivery): boolean {
    if (this.#open === null) return false
    if (this.#open.append(record, delivery)) return true
    this.#ready.push(this.#open)
    this.#open = null
    return false
  }

  /** Starts a new open batch, whose first record always fits. */
  begin(batch: OutgoingBatch): void {
    assert(this.#open === null, 'The open batch is closed before the next')
    this.#open = batch
  }

  /** Of the batch that is being filled; null when there is none. */
  get openBatch(): OutgoingBatch | null {
    return this.#open
  }

  /** A new identity starts at sequence 0. What is pending is placed anew. */
  adopt(identity: ProducerIdentity): void {
    assert(this.#options.idempotent && this.#identity === null, 'An identity is kept until it is given up')
    this.#identity = identity
    this.#sequence = 0
    this.#mustBumpEpoch = false
    this.#mustRenumber = this.#pending.length > 0
  }

  /** The batch to send now, marked as under way, or null. `flushing` makes an open batch due. */
  next(nowMs: number, options: { flushing: boolean }): OutgoingBatch | null {
    if (nowMs < this.#notBeforeMs || this.needsIdentity) return null
    if (this.#mustRenumber && !this.#renumber()) return null
    // After a failure one batch goes alone until it is acknowledged: what broke a full pipeline would break it again.
    if (this.failures > 0 && this.#pending.some((pending) => pending.isInFlight)) return null
    const again = this.#pending.find((batch) => !batch.isInFlight)
    const batch = again ?? this.#take(nowMs, options.flushing)
    if (batch === null) return null
    batch.isInFlight = true
    batch.wasSent = true
    return batch
  }

  /** When `next` may have something that it has not now, in ms; Infinity where only an answer can change that. */
  wakeMs(): number {
    if (this.isEmpty) return Number.POSITIVE_INFINITY
    const waits = this.#pending.some((batch) => !batch.isInFlight) || this.#ready.length > 0
    if (waits) return this.#notBeforeMs
    if (this.#open === null || this.#pending.length >= this.#options.pendingMax) return Number.POSITIVE_INFINITY
    return Math.max(this.#notBeforeMs, this.#open.createdMs + this.#options.lingerMs)
  }

  /** The broker has stored the batch; where there is no answer (acks 0), the system has taken it. */
  succeeded(batch: OutgoingBatch, stored: Stored): void {
    this.#remove(batch)
    this.failures = 0
    batch.succeed(stored)
  }

  /** The batch is to be sent again, after `notBeforeMs`. */
  retry(batch: OutgoingBatch, error: Error, notBeforeMs: number): void {
    assert(this.#pending.includes(batch), 'What comes back was under way')
    batch.isInFlight = false
    batch.lastError = error
    if (this.isHead(batch)) this.failures++
    this.#notBeforeMs = Math.max(this.#notBeforeMs, notBeforeMs)
  }

  /** The batch is given up: its callers learn the error. Later ones go on, with a gap that the broker will report. */
  failed(batch: OutgoingBatch, error: Error): void {
    this.#remove(batch)
    batch.fail(error)
  }

  /** True where no older batch can explain that the broker finds this one out of order. */
  isHead(batch: OutgoingBatch): boolean {
    return this.#pending[0] === batch
  }

  /** The broker's memory does not fit: everything pending gets a new epoch, or with `renew` a new producer id. */
  loseSequence(options: { renew: boolean }): void {
    this.#mustRenumber = true
    const isOver = options.renew || this.#identity === null || this.#identity.epoch >= EPOCH_MAX
    if (isOver) this.#identity = null
    this.#mustBumpEpoch = !isOver
  }

  /** Takes out and returns what was created before `createdMs` and is not under way. */
  expire(createdBeforeMs: number): OutgoingBatch[] {
    const expired = [...this.#pending, ...this.#ready].filter(
      (batch) => batch.createdMs < createdBeforeMs && !batch.isInFlight,
    )
    for (const batch of expired) this.#remove(batch)
    if (this.#open !== null && this.#open.createdMs < createdBeforeMs) {
      expired.push(this.#open)
      this.#open = null
    }
    return expired
  }

  /** Everything that has no outcome yet, oldest first. */
  unsettled(): OutgoingBatch[] {
    return [...this.#pending, ...this.#ready, ...(this.#open === null ? [] : [this.#open])]
  }

  #take(nowMs: number, flushing: boolean): OutgoingBatch | null {
    if (this.#pending.length >= this.#options.pendingMax) return null
    const batch = this.#ready.shift() ?? this.#takeOpen(nowMs, flushing)
    if (batch === null) return null
    batch.place(this.#identity, this.#sequence)
    if (this.#identity !== null) this.#sequence = (this.#sequence + batch.recordCount) % SEQUENCES
    this.#pending.push(batch)
    return batch
  }

  /** Without linger a single record leaves at once, and what comes while it is under way gathers for the next batch. */
  #takeOpen(nowMs: number, flushing: boolean): OutgoingBatch | null {
    const open = this.#open
    if (open === null) return null
    const { lingerMs } = this.#options
    const isDue = lingerMs === 0 ? this.#pending.length === 0 : nowMs >= open.createdMs + lingerMs
    if (!isDue && !flushing) return null
    this.#open = null
    return open
  }

  /** False while one of them is still under way: its answer belongs to the old numbers. */
  #renumber(): boolean {
    if (this.#pending.some((batch) => batch.isInFlight)) return false
    const known = this.#identity
    assert(known !== null, 'Whoever sends has an identity')
    if (this.#mustBumpEpoch) this.#identity = { producerId: known.producerId, epoch: known.epoch + 1 }
    this.#mustBumpEpoch = false
    this.#sequence = 0
    for (const batch of this.#pending) {
      batch.place(this.#identity, this.#sequence)
      this.#sequence = (this.#sequence + batch.recordCount) % SEQUENCES
    }
    this.#mustRenumber = false
    return true
  }

  #remove(batch: OutgoingBatch): void {
    const list = this.#pending.includes(batch) ? this.#pending : this.#ready
    const index = list.indexOf(batch)
    assert(index >= 0, 'A batch is settled where it waits')
    list.splice(index, 1)
  }
}
