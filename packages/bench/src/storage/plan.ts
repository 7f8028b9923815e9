/**
 * Owns what the storage bench measures: two experiments, each of which varies one thing over its slots, the smallest
 * twice, as if it were two (A/A). Where the data of each lie, and what is remembered of them between two commands.
 */
import type { Disk } from '@ottla/base/disk.ts'

export type ExperimentName = 'sizes' | 'partitions' | 'starts'

/** One thing to be measured: a topic on a broker. */
export interface Slot {
  readonly experiment: ExperimentName
  /** As the table has it. */
  readonly title: string
  readonly topic: string
  readonly partitions: number
  /** What each partition is filled with before. */
  readonly bytesPerPartition: number
  /** Below the bench's directory: where its broker has its data. */
  readonly broker: string
}

/** What was put into a slot's topic beforehand. */
export interface Filled {
  readonly topic: string
  /** Of partition 0: records and the first and last timestamp. */
  readonly records: number
  readonly firstMs: number
  readonly lastMs: number
}

export interface Sample {
  readonly experiment: ExperimentName
  readonly title: string
  readonly topic: string
  readonly workload: string
  readonly round: number
  readonly batches: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly userShare: number
}

export interface SystemCalls {
  readonly experiment: ExperimentName
  readonly title: string
  readonly topic: string
  readonly workload: string
  readonly batches: number
  readonly calls: Readonly<Record<string, number>>
}

export const GIGABYTE = 1e9
/** Few records in each of many partitions. */
const PARTITION_BYTES = 20_000

export function sizeSlots(gigabytes: readonly number[]): Slot[] {
  return twiceTheFirst(gigabytes).map((size, index) => ({
    ...{ experiment: 'sizes', topic: `size-${index}`, partitions: 1, broker: 'sizes' },
    title: sizeTitle(size) + (index === 1 ? ' again' : ''),
    bytesPerPartition: size * GIGABYTE,
  }))
}

export function partitionSlots(counts: readonly number[]): Slot[] {
  return twiceTheFirst(counts).map((partitions, index) => ({
    ...{ experiment: 'partitions', topic: 'many', partitions, broker: `partitions-${index}` },
    title: `${partitions.toLocaleString('en-US')}${index === 1 ? ' again' : ''}`,
    bytesPerPartition: PARTITION_BYTES,
  }))
}

/** Many partitions that are not small: for starts alone. */
export function startSlot(partitions: number, gigabytes: number): Slot {
  const bytesPerPartition = (gigabytes * GIGABYTE) / partitions
  const title = partitions.toLocaleString('en-US')
  return { experiment: 'starts', topic: 'many', partitions, broker: 'starts', title, bytesPerPartition }
}

function twiceTheFirst(values: readonly number[]): number[] {
  return [values[0]!, ...values]
}

function sizeTitle(gigabytes: number): string {
  return gigabytes < 1 ? `${gigabytes * 1000} MB` : `${gigabytes} GB`
}

/** Lines of JSON in one file: what was measured so far, whoever is interrupted. */
export class Notes<T> {
  readonly #disk: Disk
  readonly #path: string

  constructor(disk: Disk, path: string) {
    this.#disk = disk
    this.#path = path
  }

  get all(): T[] {
    if (!this.#disk.exists(this.#path)) return []
    const lines = this.#disk.readFile(this.#path).toString().trimEnd().split('\n')
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T)
  }

  add(...notes: readonly T[]): void {
    const text = [...this.all, ...notes].map((one) => `${JSON.stringify(one)}\n`).join('')
    this.#disk.replaceFile(this.#path, Buffer.from(text))
  }
}
