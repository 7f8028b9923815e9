/**
 * Owns the run of a table: every repetition runs every row against every contestant, one right behind the other and the
 * order turned round each time. So a slow minute of the machine falls on all rows and contestants alike.
 */
import { Arena } from './contestants/arena.ts'
import type { Contestant, LiveBroker } from './contestants/contestant.ts'
import { type MeasureOptions, measureTurn, type Turn } from './measure.ts'
import { missingFor, obstacleFor } from './plan.ts'
import type { Group, Row, RowResult, Sample } from './row.ts'
import { rowTitle } from './row-title.ts'

export interface RunOptions extends MeasureOptions {
  /** The first repetition's order. */
  readonly contestants: readonly Contestant[]
  /** What loads a fresh process until it is warm. */
  readonly warmUp: readonly Row[]
  readonly repeat: number
  /** Told after each row. */
  readonly progress: (line: string) => void
  /** Ends the run, which then rejects with the signal's reason. */
  readonly signal: AbortSignal
}

interface Planned {
  readonly row: Row
  readonly result: RowResult
  readonly hasBroker: boolean
}

export async function runGroups(groups: readonly Group[], options: RunOptions): Promise<RowResult[]> {
  const { repeat, contestants } = options
  const plan = planOf(groups, options)
  await using arena = new Arena({ ...options, warmUp: (contestant, broker) => warmUp(contestant, broker, options) })
  for (let repetition = 1; repetition <= repeat; repetition++) {
    const order = repetition % 2 === 1 ? contestants : contestants.toReversed()
    for (const [index, planned] of plan.entries())
      for (const contestant of order.filter(({ name }) => planned.row.contestants?.includes(name) ?? true))
        await takeTurn(planned, { contestant, repetition, name: `bench-${repetition}-${index}` }, { ...options, arena })
  }
  return plan.map(({ result }) => result)
}

function planOf(groups: readonly Group[], options: RunOptions): Planned[] {
  return groups.flatMap(({ rows, hasBroker }) =>
    rows.map((row) => ({
      ...{ row, hasBroker },
      result: { row, samples: [], failures: [], skipped: obstacleFor(row, options) },
    })),
  )
}

/** A row that fails takes its contestant's process with it. */
async function takeTurn(
  { row, result, hasBroker }: Planned,
  turn: Omit<Turn, 'row' | 'broker'>,
  options: RunOptions & { readonly arena: Arena },
): Promise<void> {
  const { arena, repeat, progress, signal } = options
  if (result.skipped !== null) return
  const { contestant, repetition } = turn
  const title = `${repetition}/${repeat}  ${contestant.name.padEnd(6)} ${rowTitle(row)}`
  try {
    signal.throwIfAborted()
    if (!hasBroker) arena.stopAll()
    const broker = hasBroker ? await arena.turnOf(contestant) : null
    const sample = await measureTurn({ ...turn, row, broker }, options)
    result.samples.push(sample)
    progress(`${title}: ${figuresText(row, sample)}`)
  } catch (error) {
    const obituary = await arena.dismiss(contestant.name)
    signal.throwIfAborted()
    const reason = [error instanceof Error ? error.message : String(error), obituary ?? ''].join(' ').trim()
    result.failures.push({ contestant: contestant.name, repetition, reason })
    progress(`${title} failed: ${reason}`)
  }
}

/** Short rows of all kinds, one after another, until the time is over. */
async function warmUp(contestant: Contestant, broker: LiveBroker, options: RunOptions): Promise<void> {
  const { ports, quick, generators, signal, progress } = options
  const rows = options.warmUp.filter((row) => missingFor(row, generators) === null)
  const seconds = quick ? contestant.warmUpSeconds.quick : contestant.warmUpSeconds.full
  progress(`${contestant.name} runs after ${Math.round(broker.readyMs)} ms; ${seconds} s of load until it is warm`)
  const endMs = ports.clock.monotonicMs() + seconds * 1000
  for (let i = 0; ports.clock.monotonicMs() < endMs && rows.length > 0; i++) {
    signal.throwIfAborted()
    const turn = { row: rows[i % rows.length]!, contestant, broker, name: `warm-up-${i}`, repetition: 0 }
    await measureTurn(turn, { ...options, quick: true })
  }
}

function figuresText(row: Row, { figures }: Sample): string {
  return row.figures.map(({ name }) => `${figures[name]?.toPrecision(4)} ${name}`).join(', ')
}
