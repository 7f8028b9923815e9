/** Owns the bench's command line: its options, their defaults, and what is said when they make no sense. */
import { parseArgs } from 'node:util'

export interface BenchOptions {
  /** Short runs, once each, and without --only fewer rows. */
  readonly quick: boolean
  /** Rows whose name it matches are run; all when null. */
  readonly only: RegExp | null
  readonly repeat: number
  /** Where the samples go as JSON; nowhere when null. */
  readonly json: string | null
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

export const USAGE = `Usage: npm run bench -- [--quick] [--only REGEX] [--repeat N] [--json FILE] [--data DIR] [--list] [--modules]
  --quick        fewer rows and short runs, once each: a look, not a figure to quote
  --only REGEX   rows whose name matches (see --list)
  --repeat N     how often each row runs, interleaved with the others; 3 when left out
  --json FILE    writes every sample there
  --data DIR     where the brokers' data lie meanwhile: choose the disk that is to be measured
  --list         prints the rows' names
  --modules      prints what each module costs a broker's start, in ms and MB`

const REPEAT_DEFAULT = 3
/** More repetitions tell nothing new. */
const REPEAT_MAX = 100

/** Throws UsageError. */
export function parseBenchArguments(argv: readonly string[]): BenchOptions {
  const { quick = false, only, repeat, json = null, data = null, list = false, modules = false } = parseOptions(argv)
  return {
    quick,
    only: only === undefined ? null : parseRegExp(only),
    repeat: repeat === undefined ? (quick ? 1 : REPEAT_DEFAULT) : parseRepeat(repeat),
    json,
    data,
    list,
    modules,
  }
}

function parseOptions(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        quick: { type: 'boolean' },
        only: { type: 'string' },
        repeat: { type: 'string' },
        json: { type: 'string' },
        data: { type: 'string' },
        list: { type: 'boolean' },
        modules: { type: 'boolean' },
      },
    })
    return values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function parseRegExp(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (error) {
    throw new UsageError(`--only "${text}" is no regular expression`, { cause: error })
  }
}

function parseRepeat(text: string): number {
  const repeat = Number(text)
  if (Number.isInteger(repeat) && repeat >= 1 && repeat <= REPEAT_MAX) return repeat
  throw new UsageError(`--repeat "${text}" is not a whole number from 1 to ${REPEAT_MAX}`)
}
