/**
 * The broker's process: arguments, signals, exit code. `ottla start` runs it.
 *
 * Prints one line `ready kafka://HOST:PORT` on standard output when it serves, and before it, with `--http`, one line
 * `admin http://HOST:PORT`; everything else goes to standard error.
 * Exit codes: 0 stopped by a signal, 1 cannot start or go on, 2 wrong arguments or configuration.
 */
import { parseArgs } from 'node:util'
import { systemClock } from '@ottla/base/clock.ts'
import { DiskError } from '@ottla/base/disk.ts'
import { NetworkError } from '@ottla/base/network.ts'
import { NodeDisk } from '@ottla/base/node-disk.ts'
import { type LogLevel, NodeLogger } from '@ottla/base/node-logger.ts'
import { Broker } from './broker.ts'
import { ConfigError } from './config.ts'
import { LocalCluster } from './local-cluster.ts'
import { DocumentError } from './metadata/documents.ts'
import { UnsupportedFeatureError } from './metadata/features.ts'
import { DuplicateBrokerError } from './metadata/registration.ts'
import { StoreBroken, StoreUnavailable } from './metadata/store.ts'
import { LogDirectoryError } from './partition/log-directories.ts'
import type { StartOptions } from './start-options.ts'

const HELP = `Usage: ottla start [server.properties ...] [options]

Starts a broker that every Kafka client can talk to.

Options:
  --data DIR             where to keep data (default ./data)
  --listen HOST:PORT     where clients connect (default 127.0.0.1:9092; port 0 takes a free one)
  --advertise HOST:PORT  what clients are told to connect to, where that differs
  --brokers N            start a cluster of N brokers in this process, on one port each from the first on
  --http HOST:PORT       serve /live, /ready and /metrics there
  --set NAME=VALUE       set a Kafka setting; repeat for more; wins over files
  --log-level LEVEL      debug, info, warn or error (default info)
  --log-format FORMAT    human or json (default human on a terminal, else json)
  --help                 print this

The broker prints "ready kafka://HOST:PORT" when it serves, and before that, with --http, "admin http://HOST:PORT";
several brokers print "ready kafka://HOST:PORT,HOST:PORT…", and one admin line each.
SIGTERM or SIGINT stops it cleanly.
`

class UsageError extends Error {}

const OPTIONS = {
  data: { type: 'string' },
  listen: { type: 'string' },
  advertise: { type: 'string' },
  brokers: { type: 'string' },
  http: { type: 'string' },
  set: { type: 'string', multiple: true },
  'log-level': { type: 'string' },
  'log-format': { type: 'string' },
  warm: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function startOptions({ values, positionals }: ReturnType<typeof parse>): StartOptions {
  const options: { -readonly [K in keyof StartOptions]: StartOptions[K] } = {
    files: positionals.map((name) => ({ name, text: readConfigFile(name) })),
    settings: Object.fromEntries((values.set ?? []).map(setting)),
    ports: { logger: makeLogger(values['log-level'], values['log-format']) },
  }
  if (values.data !== undefined) options.dataDirectory = values.data
  if (values.listen !== undefined) Object.assign(options, address('--listen', values.listen))
  if (values.advertise !== undefined) {
    address('--advertise', values.advertise)
    options.advertise = values.advertise
  }
  if (values.http !== undefined) options.http = address('--http', values.http)
  return options
}

function readConfigFile(name: string): string {
  try {
    return new NodeDisk().readFile(name).toString('utf8')
  } catch (error) {
    throw new UsageError(`Cannot read the configuration file "${name}": ${(error as Error).message}`)
  }
}

function setting(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at <= 0) throw new UsageError(`Cannot use --set "${text}": it needs the form NAME=VALUE`)
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}

function address(option: string, text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535)
    throw new UsageError(`Cannot use ${option} "${text}": it needs the form HOST:PORT`)
  return { host: match[1] ?? match[2] ?? '', port }
}

function makeLogger(level = 'info', format = process.stderr.isTTY ? 'human' : 'json'): NodeLogger {
  if (!['debug', 'info', 'warn', 'error'].includes(level)) throw new UsageError(`Unknown --log-level "${level}"`)
  if (format !== 'human' && format !== 'json') throw new UsageError(`Unknown --log-format "${format}"`)
  return new NodeLogger({ clock: systemClock, level: level as LogLevel, format })
}

/** Fills the compile cache with everything that a start runs: the install calls it. */
async function warm(): Promise<void> {
  const broker = await Broker.start({ storage: 'memory', port: 0, http: { host: '127.0.0.1', port: 0 } })
  await broker[Symbol.asyncDispose]()
  await import('./metadata/sqlite-store.ts')
}

async function run(options: StartOptions, brokers: number | null): Promise<void> {
  const stopped = Promise.withResolvers<string>()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.resolve(signal))
  const logger = options.ports!.logger!
  const started = brokers === null ? await Broker.start(options) : await LocalCluster.start({ ...options, brokers })
  const all = started instanceof Broker ? [started] : started.brokers
  for (const { key, reason } of all[0]!.ignoredSettings) logger.info(`The setting ${key} has no effect: ${reason}`)
  for (const { httpPort } of all) {
    if (httpPort !== null) process.stdout.write(`admin ${httpUrl(options.http!.host, httpPort)}\n`)
  }
  process.stdout.write(`ready kafka://${started.bootstrap}\n`)
  try {
    const signal = await Promise.race([stopped.promise, started.failed])
    logger.info(`Stopping: ${signal}`)
  } finally {
    await started[Symbol.asyncDispose]()
  }
}

/** Null: a broker alone. */
function brokersAsked(text: string | undefined): number | null {
  if (text === undefined) return null
  if (!/^[1-9]$/.test(text)) throw new UsageError(`Cannot use --brokers "${text}": it needs a number from 1 to 9`)
  return Number(text)
}

function httpUrl(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    const parsed = parse(argv)
    if (parsed.values.help) process.stdout.write(HELP)
    else if (parsed.values.warm) await warm()
    else await run(startOptions(parsed), brokersAsked(parsed.values.brokers))
    return 0
  } catch (error) {
    return explain(error)
  }
}

/** What their messages say is all that helps: where in our code it came up does not. */
const EXPECTED = [
  ...[LogDirectoryError, NetworkError, DiskError, StoreUnavailable, StoreBroken],
  ...[DocumentError, UnsupportedFeatureError, DuplicateBrokerError],
]

function explain(error: unknown): number {
  if (error instanceof UsageError || error instanceof ConfigError) {
    process.stderr.write(`ottla: ${error.message}\n`)
    return 2
  }
  const expected = EXPECTED.some((kind) => error instanceof kind)
  process.stderr.write(`ottla: ${expected ? (error as Error).message : (error as Error).stack}\n`)
  return 1
}

process.exitCode = await main(process.argv.slice(2))
// Clients that do not close their side, and timers of the pool, must not hold up a broker that has stopped.
process.exit()
