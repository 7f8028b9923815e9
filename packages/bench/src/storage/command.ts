/**
 * Owns `npm run bench -- storage`: its arguments, and the order of things. What was measured lies beside the data, so
 * that a measurement can be done in pieces: `prepare` once, `measure`, `calls` and `starts` as often as wanted, `report`
 * at any time, `clean` in the end.
 */
import { parseArgs } from 'node:util'
import { UsageError } from '../arguments.ts'
import type { BenchPorts } from '../broker-process.ts'
import { describeMachine } from '../machine.ts'
import { Brokers } from './brokers.ts'
import { shareOutCores } from './cores.ts'
import { fill } from './fill.ts'
import {
  type Filled,
  Notes,
  partitionSlots,
  type Sample,
  type Slot,
  type SystemCalls,
  sizeSlots,
  startSlot,
} from './plan.ts'
import { renderStorage } from './report.ts'
import { countSystemCalls, measureRounds } from './rounds.ts'
import { measureStarts, type Start } from './starts.ts'

export const STORAGE_USAGE = `Usage: npm run bench -- storage ACT --data DIR [--sizes GB,GB…] [--partitions N,N…] [--rounds N] [--start-gigabytes GB]
                [--json FILE]
  prepare   fills the topics with real bytes; what is filled already stays
  measure   runs ROUNDS rounds of every workload on every size and every number of partitions
  calls     counts system calls with strace, in a run of its own
  starts    times starts and stops of the broker with the most partitions, and of the one with the fewest; with
            --start-gigabytes instead of a broker with the most partitions and so many bytes in them, which prepare fills
  report    prints the tables as Markdown
  clean     removes the directory
  The same --sizes (0.1,1,10,30 when left out; 0: none) and --partitions (1,100,1000,10000; 0: none) go to every act.`

interface StorageOptions {
  readonly act: string
  readonly directory: string
  readonly sizes: readonly number[]
  readonly partitions: readonly number[]
  readonly rounds: number
  /** In the partitions of a broker that is only started; 0: there is none. */
  readonly startGigabytes: number
  readonly json: string | null
}

interface Output {
  readonly write: (text: string) => void
  readonly progress: (line: string) => void
}

const DEFAULTS = { sizes: '0.1,1,10,30', partitions: '1,100,1000,10000', rounds: '7', startGigabytes: '0' }

/** Throws UsageError. */
export function parseStorageArguments(argv: readonly string[]): StorageOptions {
  const text = { type: 'string' } as const
  const options = { data: text, sizes: text, partitions: text, rounds: text, 'start-gigabytes': text, json: text }
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    const [act = ''] = positionals
    if (values.data === undefined || !ACTS.has(act)) throw new UsageError(STORAGE_USAGE)
    return {
      ...{ act, directory: values.data, json: values.json ?? null },
      sizes: numbers(values.sizes ?? DEFAULTS.sizes),
      partitions: numbers(values.partitions ?? DEFAULTS.partitions),
      rounds: numbers(values.rounds ?? DEFAULTS.rounds)[0] ?? 1,
      startGigabytes: numbers(values['start-gigabytes'] ?? DEFAULTS.startGigabytes)[0] ?? 0,
    }
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`${(error as Error).message}\n${STORAGE_USAGE}`)
  }
}

/** Zeros mean: none. */
function numbers(text: string): number[] {
  const found = text.split(',').map(Number)
  if (found.some((value) => !(value >= 0))) throw new UsageError(`"${text}" is not a list of numbers\n${STORAGE_USAGE}`)
  return found.filter((value) => value > 0)
}

const ACTS: ReadonlyMap<string, (bench: StorageBench) => Promise<void>> = new Map([
  ['prepare', (bench) => bench.prepare()],
  ['measure', (bench) => bench.measure()],
  ['calls', (bench) => bench.calls()],
  ['starts', (bench) => bench.starts()],
  ['report', (bench) => bench.report()],
  ['clean', (bench) => bench.clean()],
])

export async function storageCommand(argv: readonly string[], ports: BenchPorts, output: Output): Promise<number> {
  const options = parseStorageArguments(argv)
  await ACTS.get(options.act)!(new StorageBench(options, ports, output))
  return 0
}

class StorageBench {
  readonly #options: StorageOptions
  readonly #ports: BenchPorts
  readonly #output: Output
  readonly #slots: readonly Slot[]
  readonly #filled: Notes<Filled & { broker: string }>
  readonly #samples: Notes<Sample>
  readonly #systemCalls: Notes<SystemCalls>
  readonly #starts: Notes<Start>

  constructor(options: StorageOptions, ports: BenchPorts, output: Output) {
    this.#options = options
    this.#ports = ports
    this.#output = output
    const { sizes, partitions, directory } = options
    this.#slots = [
      ...(sizes.length === 0 ? [] : sizeSlots(sizes)),
      ...(partitions.length === 0 ? [] : partitionSlots(partitions)),
    ]
    ports.disk.makeDirectory(directory)
    this.#filled = new Notes(ports.disk, `${directory}/filled.jsonl`)
    this.#samples = new Notes(ports.disk, `${directory}/samples.jsonl`)
    this.#systemCalls = new Notes(ports.disk, `${directory}/calls.jsonl`)
    this.#starts = new Notes(ports.disk, `${directory}/starts.jsonl`)
  }

  async prepare(): Promise<void> {
    const { directory } = this.#options
    await using brokers = new Brokers({ ports: this.#ports, directory, core: null })
    for (const slot of [...this.#slots, ...this.#startSlots()]) {
      if (this.#isFilled(slot)) continue
      const { broker } = await brokers.turnOf(slot)
      const filled = await fill(broker.bootstrap, slot, this.#ports.clock.wallMs())
      this.#filled.add({ ...filled, broker: slot.broker })
      this.#output.progress(`filled ${slot.experiment}: ${slot.title}`)
    }
  }

  async measure(): Promise<void> {
    await measureRounds(this.#options.rounds, this.#samples, this.#rounds())
  }

  async calls(): Promise<void> {
    await countSystemCalls(this.#systemCalls, this.#rounds())
  }

  async starts(): Promise<void> {
    const own = this.#slots.filter(({ experiment }) => experiment === 'partitions')
    const given = this.#startSlots()
    const slots = given.length > 0 ? given : [own[0], own.at(-1)].filter((slot) => slot !== undefined)
    const { ports, directory, core, progress } = this.#rounds()
    await measureStarts(this.#options.rounds, this.#starts, { ports, directory, core, slots, progress })
  }

  async report(): Promise<void> {
    const results = { samples: this.#samples.all, systemCalls: this.#systemCalls.all, starts: this.#starts.all }
    const { json, directory } = this.#options
    const machine = describeMachine(this.#ports.disk, directory)
    const about = `${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${machine.node}, ${machine.fileSystem}`
    this.#output.write(`${about}\n\n${renderStorage(results)}\n`)
    if (json === null) return
    this.#ports.disk.replaceFile(json, Buffer.from(`${JSON.stringify({ machine, ...results }, null, 2)}\n`))
  }

  async clean(): Promise<void> {
    await this.#ports.disk.removeTree(this.#options.directory)
  }

  #startSlots(): Slot[] {
    const { startGigabytes, partitions } = this.#options
    return startGigabytes === 0 ? [] : [startSlot(Math.max(1, ...partitions), startGigabytes)]
  }

  #rounds() {
    const { directory } = this.#options
    const filled = this.#filled.all
    return {
      ...{ ports: this.#ports, directory, slots: this.#slots, progress: this.#output.progress },
      core: shareOutCores(),
      filled: (slot: Slot) => {
        const found = filled.find(({ topic, broker }) => topic === slot.topic && broker === slot.broker)
        if (found === undefined) throw new UsageError(`"${slot.title}" is not filled: run prepare`)
        return found
      },
    }
  }

  #isFilled({ topic, broker }: Slot): boolean {
    return this.#filled.all.some((one) => one.topic === topic && one.broker === broker)
  }
}
