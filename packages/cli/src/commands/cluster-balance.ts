/**
 * Owns `ottla cluster plan`, `balance` and `drain`: shows what should move, and with --execute has it moved.
 *
 * Moving takes time, and what grows or is created meanwhile was in no plan: after a round it looks again, and goes on
 * until nothing is left to be moved.
 */
import type { Client } from '@ottla/client/client.ts'
import { UsageError } from '../arguments.ts'
import { Execution } from '../balance/execution.ts'
import { type BalancePlan, type BrokerLoad, type Move, planBalance, TooFewBrokersError } from '../balance/plan.ts'
import { BalanceProgress } from '../balance/progress.ts'
import { readCluster, type Snapshot } from '../balance/snapshot.ts'
import { type BrokerOptions, type CommandContext, print } from '../context.ts'
import { CommandError, NotFoundError, throwFirst } from '../exit-codes.ts'
import { bytesText, type Cell, json, table } from '../output.ts'

export interface BalanceOptions extends BrokerOptions {
  readonly execute?: boolean
  /** Bytes a second, for each broker, in and out. */
  readonly throttle?: number
  readonly json?: boolean
}

/** Where load makes the brokers uneven as fast as they are evened, it has an end. */
const ROUNDS_MAX = 5

interface Work {
  readonly snapshot: Snapshot
  readonly plan: BalancePlan
}

export async function plan(context: CommandContext, options: BalanceOptions): Promise<void> {
  await balance(context, { ...options, execute: false })
}

export async function balance(context: CommandContext, options: BalanceOptions): Promise<void> {
  await planAndMove(context, options, null)
}

export async function drain(context: CommandContext, broker: number, options: BalanceOptions): Promise<void> {
  await planAndMove(context, options, broker)
}

async function planAndMove(context: CommandContext, options: BalanceOptions, drained: number | null): Promise<void> {
  const { execute = false, throttle } = options
  if (throttle !== undefined && !execute) throw new UsageError('--throttle is of use with --execute alone')
  await using client = await context.openClient(options.bootstrap)
  const work = await look(context, { client, drained })
  if (options.json === true && !execute) await print(context, json({ executed: false, ...shownOf(work) }))
  if (options.json !== true) await show(context, work, execute)
  if (!execute) return
  const rounds = await moveAll(context, work, { client, drained, bytesPerSecond: throttle ?? null, json: options.json })
  if (options.json === true) await print(context, json({ executed: true, ...shownOf(work), ...rounds }))
}

async function look(
  context: CommandContext,
  { client, drained }: { readonly client: Client; readonly drained: number | null },
): Promise<Work> {
  const snapshot = await readCluster(client, context)
  return { snapshot, plan: planOf(snapshot, drained) }
}

interface MoveOptions {
  readonly client: Client
  readonly drained: number | null
  readonly bytesPerSecond: number | null
  readonly json?: boolean | undefined
}

/** Answers what was moved in all rounds, and what came of it. */
async function moveAll(
  context: CommandContext,
  first: Work,
  options: MoveOptions,
): Promise<{ rounds: number; moves: readonly Move[]; after: readonly BrokerLoad[] }> {
  const tell = async (text: string) =>
    await (options.json === true ? context.streams.writeError(text) : print(context, text))
  const moves: Move[] = []
  let work = first
  let done = 0
  for (let rounds = 1; ; rounds++) {
    done += await move(context, work, options)
    moves.push(...work.plan.moves)
    work = await look(context, options)
    const left = work.plan.moves.length
    const isDone = left === 0 && work.snapshot.running.length === 0
    if (isDone) await tell(`All ${done} moves are done, and preferred leaders lead.\n`)
    else if (rounds === ROUNDS_MAX) {
      await tell(`${done} moves are done. ${left} more are due after ${rounds} rounds: run it again for them.\n`)
    }
    if (isDone || rounds === ROUNDS_MAX) return { rounds, moves, after: work.plan.before }
    await tell(
      `Round ${rounds + 1} of at most ${ROUNDS_MAX}, for what has changed meanwhile: ${sumText(work.plan.moves)}.\n`,
    )
  }
}

function planOf({ state }: Snapshot, drained: number | null): BalancePlan {
  if (drained === null) return planBalance(state)
  const isKnown =
    state.brokers.some(({ id }) => id === drained) ||
    state.partitions.some(({ replicas }) => replicas.includes(drained))
  if (!isKnown) throw new NotFoundError(`There is no broker ${drained}: ottla cluster shows those that are there`)
  try {
    return planBalance(state, { drain: drained })
  } catch (error) {
    if (error instanceof TooFewBrokersError) throw new CommandError(error.message, { cause: error })
    throw error
  }
}

function shownOf({ snapshot: { running }, plan: { moves, before, after } }: Work) {
  return { moves, before, after, running }
}

async function show(context: CommandContext, { snapshot, plan }: Work, execute: boolean): Promise<void> {
  const { moves, before, after } = plan
  await print(context, table(LOAD_COLUMNS, loadRows(before, after)))
  const rows = moves.map(({ topic, partition, from, to, bytes }) => [
    topic,
    partition,
    from.join(','),
    to.join(','),
    bytesText(bytes),
  ])
  if (moves.length > 0) await print(context, `\n${table(['TOPIC', 'PARTITION', 'FROM', 'TO', 'TO COPY'], rows)}`)
  if (snapshot.running.length > 0) await print(context, `${snapshot.running.length} moves are under way already.\n`)
  if (moves.length === 0) await print(context, 'Nothing is to be moved: the brokers are even.\n')
  else await print(context, `${sumText(moves)}.\n`)
  if (!execute && moves.length > 0)
    await print(context, 'Nothing was moved: ottla cluster balance or drain with --execute does.\n')
}

function sumText(moves: readonly Move[]): string {
  const bytes = moves.reduce((sum, move) => sum + move.bytes, 0)
  return `${moves.length} moves, ${bytesText(bytes)} to copy`
}

const LOAD_COLUMNS = ['BROKER', 'RACK', 'BYTES', 'AFTER', 'REPLICAS', 'AFTER', 'LEADERS', 'AFTER']

function loadRows(before: readonly BrokerLoad[], after: readonly BrokerLoad[]): Cell[][] {
  const ids = [...new Set([...before, ...after].map(({ broker }) => broker))].sort((a, b) => a - b)
  return ids.map((id) => {
    const was = before.find(({ broker }) => broker === id)
    const is = after.find(({ broker }) => broker === id)
    const pairs = [
      [bytesText(was?.bytes ?? 0), bytesText(is?.bytes ?? 0)],
      [was?.replicas ?? 0, is?.replicas ?? 0],
      [was?.leaders ?? 0, is?.leaders ?? 0],
    ]
    return [id, was?.rack ?? null, ...pairs.flat()]
  })
}

/** One round. Answers how many are done: all. */
async function move(context: CommandContext, work: Work, options: MoveOptions): Promise<number> {
  const { streams, clock, signal } = context
  const { client, drained, bytesPerSecond } = options
  const progress = new BalanceProgress(streams, clock)
  const execution = new Execution(client, work, {
    ...{ signal, bytesPerSecond },
    onStanding: (standing) => progress.update(standing),
    onLeftovers: () => streams.writeError('An earlier run had left its throttle behind: it is taken away.\n'),
  })
  const again = `ottla cluster ${drained === null ? 'balance' : `drain ${drained}`} --execute`
  try {
    const errors = await execution.run()
    progress.clear()
    throwFirst(
      errors.map(
        (error) => new CommandError(`${error.message}\nRun it again for the rest: ${again}`, { cause: error }),
      ),
    )
  } catch (error) {
    progress.clear()
    const rest = restText(execution, { again, bytesPerSecond })
    if (rest !== null) streams.writeError(rest)
    throw error
  }
  return execution.standing.moves
}

/** What is left when a round ends early; null where nothing is. */
function restText(
  { standing: { movesDone, moves }, underWay, isThrottled }: Execution,
  { again, bytesPerSecond }: { readonly again: string; readonly bytesPerSecond: number | null },
): string | null {
  if (movesDone === moves) return null
  const done = `${movesDone} of ${moves} moves are done; ${underWay} go on in the cluster`
  if (!isThrottled) return `${done}, without a throttle. To go on: ${again}\n`
  const throttled = `${again} --throttle ${bytesPerSecond}`
  return `${done}, under the throttle. To go on, and have it taken away at the end: ${throttled}\nWithout one: ${again}\n`
}
