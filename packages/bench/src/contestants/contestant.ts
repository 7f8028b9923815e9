/**
 * The words for who is measured: a contestant is a broker of one kind as its users run it, with what makes its topics
 * equally durable; a live broker is one process of it. Rows speak Kafka's protocol to whoever it is.
 */
import type { BenchPorts } from '../broker-process.ts'
import type { LoopReading } from '../loop-delay.ts'
import type { Durability } from '../row.ts'

export type ContestantName = 'ottla' | 'kafka'

export interface Contestant {
  readonly name: ContestantName
  /** Version and runtime, as a report states them. Rejects with CommandError where it cannot be run on this machine. */
  describe(): Promise<string>
  /** What differs from its defaults, as a report states it. */
  readonly settings: readonly string[]
  /** Of the topics of rows, beside what all contestants' topics have. */
  readonly topicConfigs: Readonly<Record<Durability, Readonly<Record<string, string>>>>
  /** How long a process of it is loaded before it counts, in seconds. */
  readonly warmUpSeconds: { readonly full: number; readonly quick: number }
  /** Resolves when the broker serves. Rejects with CommandError. */
  start(options: StartOptions): Promise<LiveBroker>
}

export interface StartOptions extends BenchPorts {
  /** Used on where it exists; removed in the end. */
  readonly dataDirectory: string
  /** Leaves the data where they are in the end, for another process. */
  readonly keepsData?: boolean
  /** Whether it has to tell loopReading; true when left out. A start that is timed itself goes without. */
  readonly watchesLoop?: boolean
}

export interface LiveBroker extends AsyncDisposable {
  readonly pid: number
  /** HOST:PORT */
  readonly bootstrap: string
  /** From starting the process until it served. */
  readonly readyMs: number
  /** Below it lie the directories of partitions. */
  readonly logDirectory: string
  /** How the broker ended, with the end of what it said; null while it runs. */
  readonly obituary: string | null
  /** SIGSTOP and SIGCONT come to it by this. */
  signal(name: NodeJS.Signals): void
  /** What its event loop's delays came to so far; null where it has none, or does not tell. */
  loopReading(): Promise<LoopReading | null>
}
