/** Owns `ottla cluster plan`, `balance` and `drain`: shows what should move, and with --execute has it moved. */
import type { Client } from '@ottla/client/client.ts'
import { UsageError } from '../arguments.ts'
import { Execution } from '../balance/execution.ts'
import { type BalancePlan, type BrokerLoad, planBalance, TooFewBrokersError } from '../balance/plan.ts'
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
  const snapshot = await readCluster(client, context)
  const work = { snapshot, plan: planOf(snapshot, drained) }
  await show(context, work, options)
  if (!execute) return
  const moves = await move(context, { client, work, drained, bytesPerSecond: throttle ?? null })
  if (options.json !== true) await print(context, `All ${moves} moves are done, and preferred leaders lead.\n`)
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

async function show(context: CommandContext, { snapshot, plan }: Work, options: BalanceOptions): Promise<void> {
  const { moves, before, after } = plan
  if (options.json === true) {
    await print(context, json({ executed: options.execute === true, moves, before, after, running: snapshot.running }))
    return
  }
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
  const bytes = moves.reduce((sum, move) => sum + move.bytes, 0)
  if (moves.length === 0) await print(context, 'Nothing is to be moved: the brokers are even.\n')
  else await print(context, `${moves.length} moves, ${bytesText(bytes)} to copy.\n`)
  if (options.execute !== true && moves.length > 0)
    await print(context, 'Nothing was moved: ottla cluster balance or drain with --execute does.\n')
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

/** Answers how many are done: all. */
async function move(
  context: CommandContext,
  options: { client: Client; work: Work; drained: number | null; bytesPerSecond: number | null },
): Promise<number> {
  const { streams, clock, signal } = context
  const { client, work, drained, bytesPerSecond } = options
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
    const { movesDone, moves } = execution.standing
    const rest = `${movesDone} of ${moves} moves are done; ${execution.underWay} go on in the cluster, without a throttle. To go on: ${again}\n`
    if (movesDone < moves) streams.writeError(rest)
    throw error
  }
  return execution.standing.moves
}
