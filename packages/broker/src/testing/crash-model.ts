/**
 * For crash tests: what a client knows of the topics that it has written to, and what it may so expect to find there.
 * One model lives through all lives of the broker.
 *
 * Every record's value says where it was sent, by whom and as which in order: `<topic id>/<partition> <producer> <n>`.
 * A producer's name begins with how it sends: `i` idempotent (acks=all, retries until it is told), `p` plain with
 * acks=all, `o` with acks=1.
 */
import assert from 'node:assert/strict'
import { batchBaseOffset, batchesIn, batchLastOffset } from '@ottla/protocol/records/batch.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'

export interface FoundRecord {
  readonly offset: number
  readonly value: string
}

interface Origin {
  readonly place: string
  readonly producer: string
  readonly number: number
}

export class TopicModel {
  readonly id: string
  readonly name: string
  readonly partitions: PartitionModel[]
  /** Somebody has asked for its deletion: it may be gone. */
  isDoomed = false
  /** Its deletion was acknowledged. */
  isDeleted = false

  constructor(options: { id: string; name: string; partitionCount: number }) {
    this.id = options.id
    this.name = options.name
    this.partitions = Array.from({ length: options.partitionCount }, (_, index) => new PartitionModel(this, index))
  }
}

export class PartitionModel {
  readonly topic: TopicModel
  readonly index: number
  /** By offset: what may never be gone again, unless it is deleted. */
  readonly #durable = new Map<number, string>()
  /** What was read or acknowledged since the broker started. */
  readonly #seen = new Map<number, string>()
  readonly #sentBy = new Map<string, number>()
  #sentRecords = 0
  /** The largest that anybody was told. */
  #logStartTold = 0
  /** The largest that anybody has asked for. */
  #logStartAsked = 0
  #isAllToBeDeleted = false
  /** As it was told in this life. */
  highWatermark = 0
  /** Where the consumer goes on. */
  position = 0

  constructor(topic: TopicModel, index: number) {
    this.topic = topic
    this.index = index
  }

  get place(): string {
    return `${this.topic.id}/${this.index}`
  }

  get logStartTold(): number {
    return this.#logStartTold
  }

  get logStartAsked(): number {
    return this.#isAllToBeDeleted ? this.#sentRecords : this.#logStartAsked
  }

  /** The values of a new batch of a producer. */
  newValues(producer: string, sizes: readonly number[]): string[] {
    const first = this.#sentBy.get(producer) ?? 0
    this.#sentBy.set(producer, first + sizes.length)
    this.#sentRecords += sizes.length
    return sizes.map((bytes, i) => `${this.place} ${producer} ${first + i} ${'x'.repeat(bytes)}`)
  }

  /** A batch of acks=1 was acknowledged. */
  written(baseOffset: number, values: readonly string[]): void {
    for (const [i, value] of values.entries()) this.#remember(this.#seen, { offset: baseOffset + i, value })
  }

  /** A batch of acks=all was acknowledged. */
  acknowledged(baseOffset: number, values: readonly string[]): void {
    for (const [i, value] of values.entries()) this.#remember(this.#durable, { offset: baseOffset + i, value })
    this.written(baseOffset, values)
  }

  /** DeleteRecords was sent; without an offset it means all that is there when it arrives. */
  deletionAsked(offset: number | null): void {
    this.#logStartAsked = Math.max(this.#logStartAsked, offset ?? 0)
    this.#isAllToBeDeleted ||= offset === null
  }

  logStartWas(offset: number): void {
    assert.ok(offset <= this.logStartAsked, `${this.place}: nobody asked for a start at ${offset}`)
    this.#logStartTold = Math.max(this.#logStartTold, offset)
  }

  /** A consumer has asked for `from`, when it knew of this log start, and got this. One asks at a time. */
  read(
    { from, logStartKnown }: { from: number; logStartKnown: number },
    found: readonly FoundRecord[],
    told: { highWatermark: number; logStartOffset: number },
  ): void {
    assert.ok(told.highWatermark >= this.highWatermark, `${this.place}: the high watermark went back`)
    assert.ok(told.logStartOffset >= logStartKnown, `${this.place}: the log start went back`)
    this.highWatermark = told.highWatermark
    this.logStartWas(told.logStartOffset)
    if (found.length > 0) assert.ok(found[0]!.offset <= from, `${this.place}: records were skipped`)
    this.#checkDense(found)
    for (const record of found) {
      assert.ok(record.offset < told.highWatermark, `${this.place}: read above the high watermark`)
      const { producer } = this.#originOf(record)
      this.#remember(this.#seen, record)
      if (!producer.startsWith('o')) this.#remember(this.#durable, record)
    }
  }

  /** All that there is after a start of the broker. Where its machine did not crash nothing may be gone at all. */
  recovered(
    found: readonly FoundRecord[],
    told: { logStartOffset: number; logEndOffset: number; machineCrashed: boolean },
  ): void {
    const { logStartOffset, logEndOffset, machineCrashed } = told
    assert.ok(logStartOffset >= this.#logStartTold, `${this.place}: the log start went back to ${logStartOffset}`)
    this.logStartWas(logStartOffset)
    this.#checkDense(found)
    const end = found.length > 0 ? found.at(-1)!.offset + 1 : logStartOffset
    assert.equal(end, logEndOffset, `${this.place}: the end is what can be read`)
    if (found.length > 0) assert.ok(found[0]!.offset <= logStartOffset, `${this.place}: the start can be read`)
    this.#checkKept(this.#durable, found, logStartOffset)
    if (!machineCrashed) this.#checkKept(this.#seen, found, logStartOffset)
    this.#checkProducers(found)
    this.#seen.clear()
    this.highWatermark = logEndOffset
    this.position = Math.min(this.position, logEndOffset)
    // What a recovery has brought back is shown to consumers, so it has to stay.
    for (const record of found) this.#remember(this.#durable, record)
  }

  #checkKept(kept: Map<number, string>, found: readonly FoundRecord[], logStartOffset: number): void {
    const byOffset = new Map(found.map(({ offset, value }) => [offset, value]))
    for (const [offset, value] of kept) {
      if (offset < logStartOffset) kept.delete(offset)
      else assert.equal(shortened(byOffset.get(offset)), shortened(value), `${this.place} lost offset ${offset}`)
    }
  }

  /** Nothing twice, nothing out of order, and of an idempotent producer nothing left out. */
  #checkProducers(found: readonly FoundRecord[]): void {
    const last = new Map<string, number>()
    for (const record of found) {
      const { producer, number } = this.#originOf(record)
      const before = last.get(producer)
      const isNext = before === undefined || (producer.startsWith('i') ? number === before + 1 : number > before)
      assert.ok(isNext, `${this.place}: ${producer} ${number} at ${record.offset} comes after ${before}`)
      last.set(producer, number)
    }
  }

  #checkDense(found: readonly FoundRecord[]): void {
    for (let i = 1; i < found.length; i++) {
      assert.equal(found[i]!.offset, found[i - 1]!.offset + 1, `${this.place}: offsets have no gap`)
    }
  }

  #originOf({ offset, value }: FoundRecord): Origin {
    const [place, producer, number] = value.split(' ', 3)
    assert.equal(place, this.place, `offset ${offset} holds what was sent elsewhere`)
    const sent = this.#sentBy.get(producer!) ?? 0
    assert.ok(Number(number) < sent, `${this.place}: ${producer} ${number} at ${offset} was never sent`)
    return { place: place!, producer: producer!, number: Number(number) }
  }

  #remember(offsets: Map<number, string>, { offset, value }: FoundRecord): void {
    const known = offsets.get(offset) ?? value
    assert.equal(shortened(known), shortened(value), `${this.place}: offset ${offset} has held two records`)
    offsets.set(offset, value)
  }
}

/** The records of a fetch. */
export function recordsIn(bytes: Buffer | null): FoundRecord[] {
  const found: FoundRecord[] = []
  let end = -1
  for (const batch of batchesIn(bytes ?? Buffer.alloc(0))) {
    if (end >= 0) assert.equal(batchBaseOffset(batch, 0), end, 'A batch begins where the one before ends')
    end = batchLastOffset(batch, 0) + 1
    for (const { offset, value } of readRecords(batch)) found.push({ offset, value: value!.toString() })
  }
  return found
}

function shortened(value: string | undefined): string | undefined {
  return value?.split(' ', 3).join(' ')
}
