/** Owns the bench's command line: its options, their defaults, and what is said when they make no sense. */
import { parseArgs } from 'node:util'
import { isPeer, PEERS } from './contestants/all.ts'
import type { ContestantName } from './contestants/contestant.ts'

export interface BenchOptions {
  /** Who else is measured beside Ottla. */
  readonly against: readonly ContestantName[]
  /** Short runs, once each, and without --only fewer rows. */
  readonly quick: boolean
  /** Rows whose name it matches are run; all when null. */
  readonly only: RegExp | null
  readonly repeat: number
  /** Where the samples go as JSON; nowhere when null. */
  readonly json: string | null
  /** In which directory plots are put; nowhere when null. */
  readonly plots: string | null
  /** How much history is read in a full run, in GB; the plan's own choice when null. */
  readonly historyGigabytes: number | null
  /** Under which directory brokers keep their data; the machine's own choice when null. */
  readonly data: string | null
  /** Prints the names of the rows and runs none. */
  readonly list: boolean
  /** Prints what each module costs a broker's start, and runs no row. */
  readonly modules: boolean
}

/** What was typed cannot be meant: exit code 2. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'UsageError'
  }
}

export const USAGE = `Usage: npm run bench -- [--against NAMES] [--quick] [--only REGEX] [--repeat N] [--json FILE] [--plots DIR]
                        [--data DIR] [--history-gb N] [--list] [--modules]
  --against NAMES  other brokers that every row is run against as well, with commas between: ${PEERS.join(', ')}
  --quick          fewer rows and short runs, once each: a look, not a figure to quote
  --only REGEX     rows whose name matches (see --list)
  --repeat N       how often each row runs, interleaved with the others; 3 when left out
  --json FILE      writes every sample there
  --plots DIR      draws the medians there, as SVG
  --data DIR       where the brokers' data lie meanwhile: choose the disk that is to be measured
  --history-gb N   how much history is read back in a full run; 10 when left out
  --list           prints the rows' names
  --modules        prints what each module costs a broker's start, in ms and MB`

const REPEAT_DEFAULT = 3
/** More is not read in the time that a row has. */
const HISTORY_GIGABYTES_MAX = 30
/** More repetitions tell nothing new. */
const REPEAT_MAX = 100

/** Throws UsageError. */
export function parseBenchArguments(argv: readonly string[]): BenchOptions {
  const { against, only, repeat, 'history-gb': history, ...flags } = parseOptions(argv)
  const { quick = false, json = null, plots = null, data = null, list = false, modules = false } = flags
  return {
    against: against === undefined ? [] : parsePeers(against),
    quick,
    only: only === undefined ? null : parseRegExp(only),
    historyGigabytes: history === undefined ? null : parseHistory(history),
    repeat: repeat === undefined ? (quick ? 1 : REPEAT_DEFAULT) : parseRepeat(repeat),
    ...{ json, plots, data, list, modules },
  }
}

function parseOptions(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        against: { type: 'string' },
        quick: { type: 'boolean' },
        only: { type: 'string' },
        repeat: { type: 'string' },
        json: { type: 'string' },
        plots: { type: 'string' },
        data: { type: 'string' },
        'history-gb': { type: 'string' },
        list: { type: 'boolean' },
        modules: { type: 'boolean' },
      },
    })
    return values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function parsePeers(text: string): ContestantName[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))]
  for (const name of names) {
    if (!isPeer(name)) throw new UsageError(`--against "${name}" is none of ${PEERS.join(', ')}`)
  }
  return names.filter(isPeer)
}

function parseRegExp(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (error) {
    throw new UsageError(`--only "${text}" is no regular expression`, { cause: error })
  }
}

function parseHistory(text: string): number {
  const gigabytes = Number(text)
  if (gigabytes > 0 && gigabytes <= HISTORY_GIGABYTES_MAX) return gigabytes
  throw new UsageError(`--history-gb "${text}" is not a number above 0, of at most ${HISTORY_GIGABYTES_MAX}`)
}

function parseRepeat(text: string): number {
  const repeat = Number(text)
  if (Number.isInteger(repeat) && repeat >= 1 && repeat <= REPEAT_MAX) return repeat
  throw new UsageError(`--repeat "${text}" is not a whole number from 1 to ${REPEAT_MAX}`)
}
