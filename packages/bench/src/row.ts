/** The words of the bench: a row is one workload with its figures; a group is the rows that one broker runs in turn. */
import type { BenchPorts } from './broker-process.ts'
import type { Generator, Generators } from './generators.ts'

/** What the project promises of a figure, on the machine that its README names. */
export type Target = { readonly atLeast: number } | { readonly atMost: number }

export interface Figure {
  /** Also what the outcome calls it. */
  readonly name: string
  readonly target?: Target
}

export interface Row {
  readonly name: string
  /** In the order of the table. */
  readonly figures: readonly Figure[]
  /** Of the topic that is made for the row and deleted behind it; no topic when left out. */
  readonly partitions?: number
  readonly needs?: Generator
  /** Whether the quick table has it. */
  readonly quick: boolean
  /** What has to be there and is not measured. */
  prepare?(run: RowRun): Promise<void>
  run(run: RowRun): Promise<Outcome>
}

export interface Group {
  readonly name: string
  readonly rows: readonly Row[]
  /** Rows without one bring their own. */
  readonly hasBroker: boolean
  /** Lets the broker's code be compiled before the first row counts. Has a topic of one partition. */
  warmUp?(run: RowRun): Promise<void>
}

/** What a row has at hand. */
export interface RowRun {
  readonly ports: BenchPorts
  readonly generators: Generators
  readonly quick: boolean
  /** '' where there is no broker. */
  readonly bootstrap: string
  readonly topic: string
  /** For frames and brokers' data; goes with the bench. */
  readonly directory: string
}

export interface Outcome {
  /** By the figures' names. */
  readonly figures: Readonly<Record<string, number>>
  /** All that passed the broker while the row ran, so that its CPU time can be divided by it; 0 where that means nothing. */
  readonly messages: number
  /** The generator's CPU time for a million messages; null where it spins, or has none. */
  readonly loadCpuPerMillion: number | null
}

/** One repetition of a row. */
export interface Sample {
  readonly figures: Readonly<Record<string, number>>
  readonly brokerCpuPerMillion: number | null
  readonly loadCpuPerMillion: number | null
  /** The broker's, behind the row. */
  readonly residentBytes: number | null
}

export interface RowResult {
  readonly row: Row
  readonly samples: Sample[]
  /** Why repetitions failed, if any did. */
  readonly failures: string[]
  /** Why the row was not run. */
  readonly skipped: string | null
}
