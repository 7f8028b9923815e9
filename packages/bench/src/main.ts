/**
 * The bench: `npm run bench`, and of the log alone `npm run bench -- storage`. Arguments, the directory that it works in, exit code. Exit codes: 0 all rows ran, 1 some
 * failed, 2 wrong arguments, 130 ended by Ctrl-C. A missed target fails nothing: the machine may not be the one that the
 * targets are for.
 */
import { systemClock } from '@ottla/base/clock.ts'
import { NodeDisk } from '@ottla/base/node-disk.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { holdProcess, processStreams } from '@ottla/base/standard-streams.ts'
import { type BenchOptions, parseBenchArguments, USAGE, UsageError } from './arguments.ts'
import { CONTESTANTS } from './contestants/all.ts'
import type { Contestant } from './contestants/contestant.ts'
import { buildGenerators } from './generators.ts'
import { InterruptedError, interruption, listenForInterruption } from './interruption.ts'
import { describeMachine } from './machine.ts'
import { allGroups, selectGroups, warmUpRows } from './plan.ts'
import { plotsOf } from './plots.ts'
import { type Entry, type Report, renderReport, reportData } from './report.ts'
import { rowTitle } from './row-title.ts'
import { runGroups } from './run.ts'
import { measureStartBudget, renderStartBudget } from './start-budget.ts'
import { storageCommand } from './storage/command.ts'

/** Kept over a reboot, so not in memory, which `/tmp` may well be. */
const PARENT_DIRECTORY = '/var/tmp'

const streams = processStreams()
const ports = { clock: systemClock, timers: systemTimers, disk: new NodeDisk() }

async function bench(options: BenchOptions): Promise<number> {
  const groups = selectGroups(allGroups(options), options)
  const names = groups.flatMap(({ rows }) => rows.map(rowTitle))
  if (names.length === 0) throw new UsageError(`No row matches ${options.only}: see --list`)
  if (options.list) {
    streams.write(`${names.join('\n')}\n`)
    return 0
  }
  const directory = `${options.data ?? PARENT_DIRECTORY}/ottla-bench-${process.pid}`
  ports.disk.makeDirectory(directory)
  try {
    return options.modules ? await printModules(directory) : await runIn(directory, groups, options)
  } finally {
    await ports.disk.removeTree(directory)
  }
}

async function printModules(directory: string): Promise<number> {
  streams.write(`${renderStartBudget(await measureStartBudget(ports.disk, `${directory}/modules`))}\n`)
  return 0
}

async function runIn(directory: string, groups: ReturnType<typeof allGroups>, options: BenchOptions): Promise<number> {
  const { quick, repeat, against } = options
  const machine = describeMachine(ports.disk, directory)
  const contestants = (['ottla', ...against] as const).map((name) => CONTESTANTS[name])
  const entries = await Promise.all(contestants.map(entryOf))
  const generators = await buildGenerators(ports.disk, directory)
  const results = await runGroups(groups, {
    ...{ ports, generators, quick, repeat, directory, contestants, signal: interruption.signal },
    warmUp: warmUpRows(allGroups(options)),
    progress: (line) => streams.writeError(`${line}\n`),
  })
  publish({ machine, contestants: entries, quick, repeat, results }, options)
  return results.some(({ failures }) => failures.length > 0) ? 1 : 0
}

function publish(report: Report, { json, plots }: BenchOptions): void {
  streams.write(`\n${renderReport(report)}\n`)
  if (json !== null) ports.disk.replaceFile(json, Buffer.from(`${JSON.stringify(reportData(report), null, 2)}\n`))
  if (plots === null) return
  ports.disk.makeDirectory(plots)
  for (const { name, svg } of plotsOf(report)) ports.disk.replaceFile(`${plots}/${name}.svg`, Buffer.from(svg))
}

async function entryOf({ name, describe, settings, topicConfigs }: Contestant): Promise<Entry> {
  try {
    return { name, description: await describe(), settings, topicConfigs }
  } catch (error) {
    throw new UsageError(`${name} cannot be measured here: ${(error as Error).message}`, { cause: error })
  }
}

async function run(argv: readonly string[]): Promise<number> {
  if (argv[0] !== 'storage') return await bench(parseBenchArguments(argv))
  const progress = (line: string) => streams.writeError(`${line}\n`)
  return await storageCommand(argv.slice(1), ports, { write: (text) => streams.write(text), progress })
}

const hold = holdProcess()
listenForInterruption()
try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  if (error instanceof InterruptedError) {
    process.exitCode = error.exitCode
  } else if (error instanceof UsageError) {
    streams.writeError(`${error.message}\n${USAGE}\n`)
    process.exitCode = 2
  } else throw error
} finally {
  hold.release()
}
await streams.drained()
