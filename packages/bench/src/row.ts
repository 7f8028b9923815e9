/**
 * The words of the bench: a row is one workload with its figures, run against every contestant in turn; a group is rows
 * that belong together.
 */
import type { BenchPorts } from './broker-process.ts'
import type { ContestantName, LiveBroker, StartOptions } from './contestants/contestant.ts'
import type { Generator, Generators } from './generators.ts'
import type { LatencyPoint } from './latency-histogram.ts'
import type { LoopDelay } from './loop-delay.ts'

/**
 * What an acknowledgement of acks=all means: `synced`, that the disk has the record; `cached`, that the operating system
 * has it. Made equal for all contestants by settings of the row's topic.
 */
export type Durability = 'cached' | 'synced'

/** What the project promises of a figure, on the machine that its README names. */
export type Target = { readonly atLeast: number } | { readonly atMost: number }

export interface Figure {
  /** Also what the outcome calls it. Its last word is the unit, which tells whether more or less of it is better. */
  readonly name: string
  readonly target?: Target
  /** Stands for the row's; null where the figure explains others and is not judged itself. */
  readonly required?: number | null
}

export interface Row {
  /** Without the durability, which reports put behind it. */
  readonly name: string
  /** In the order of the table. The first is the one that is plotted. */
  readonly figures: readonly Figure[]
  /** Null where nothing is written. */
  readonly durability: Durability | null
  /** How many times as good as every other contestant Ottla has to be, in each figure; 1 when left out. */
  readonly required?: number
  /** Of the topic that is made for the row and deleted behind it; no topic when left out. */
  readonly partitions?: number
  readonly needs?: Generator
  /** Who can run it; everybody when left out. */
  readonly contestants?: readonly ContestantName[]
  /** Whether the quick table has it. */
  readonly quick: boolean
  /** What has to be there and is not measured. */
  prepare?(run: RowRun): Promise<void>
  /** Why the row cannot be run here, beside a generator that is missing; null where it can. */
  obstacle?(surroundings: Surroundings): string | null
  run(run: RowRun): Promise<Outcome>
}

export interface Group {
  readonly name: string
  readonly rows: readonly Row[]
  /** Rows without one bring their own. */
  readonly hasBroker: boolean
  /** Whether its rows run only when `--only` names them. */
  readonly isByName?: true
}

/** What is known before anything runs. */
export interface Surroundings {
  readonly ports: BenchPorts
  readonly generators: Generators
  readonly quick: boolean
  /** For frames and brokers' data; goes with the bench. */
  readonly directory: string
}

/** What a row has at hand. */
export interface RowRun extends Surroundings {
  /** Whose turn it is. The pid is 0 in groups without a broker. */
  readonly contestant: { readonly name: ContestantName; readonly pid: number }
  /** '' where there is no broker. */
  readonly bootstrap: string
  readonly topic: string
  /** Another process of the contestant, cold, on a data directory of this name; the row ends it. */
  startBroker(name: string, options?: Pick<StartOptions, 'keepsData'>): Promise<LiveBroker>
}

export interface Outcome {
  /** By the figures' names. */
  readonly figures: Readonly<Record<string, number>>
  /** All that passed the broker while the row ran, so that its CPU time can be divided by it; 0 where that means nothing. */
  readonly messages: number
  /** The values of these messages; 0 where that means nothing. */
  readonly bytes: number
  /** The generator's CPU time for a million messages; null where it spins, or has none. */
  readonly loadCpuPerMillion: number | null
  /** Where the row is of latency. */
  readonly latencies?: readonly LatencyPoint[]
}

/** One repetition of a row against one contestant. */
export interface Sample {
  readonly contestant: ContestantName
  readonly repetition: number
  readonly figures: Readonly<Record<string, number>>
  readonly latencies: readonly LatencyPoint[] | null
  readonly brokerCpuPerMillion: number | null
  readonly brokerCpuPerGigabyte: number | null
  readonly loadCpuPerMillion: number | null
  /** The broker's, behind the row. */
  readonly residentBytes: number | null
  /** While the row ran; null where the broker does not tell. */
  readonly loopDelay: LoopDelay | null
}

export interface Failure {
  readonly contestant: ContestantName
  readonly repetition: number
  readonly reason: string
}

export interface RowResult {
  readonly row: Row
  readonly samples: Sample[]
  /** Why repetitions failed, if any did. */
  readonly failures: Failure[]
  /** Why the row was not run. */
  readonly skipped: string | null
}
