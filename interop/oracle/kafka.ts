/**
 * Owns Apache Kafka on this machine, for recording alone: its jars, fetched by Maven into a cache outside the
 * repository, and one broker that is its own controller, on free ports, with its data in a directory that goes away.
 * Needs `java` (17 or later) and, once, `mvn`. OTTLA_KAFKA_JARS names a directory of jars to use instead.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { succeed } from '../processes.ts'
import { RawConnection } from '../raw-connection.ts'
import { TempDirectory } from '../temp-directory.ts'
import { PROFILES, type ProfileName } from './profiles.ts'
import type { Target } from './run.ts'
import { warmUp } from './warm-up.ts'

export const KAFKA_VERSION = '4.2.1'

const HEAP = '-Xmx512m'
const CLUSTER_ID = 'b3R0bGEtb3JhY2xlLW9uZQ'
const START_TRIES_MAX = 240
const START_RETRY_MS = 250
const FETCH_MS_MAX = 600_000
/** Metadata is seen by requests a few milliseconds after it was answered. */
const SETTLE_MS = 120
const OUTPUT_CHARS_MAX = 20_000

/** The directory of Kafka's jars; fetched first where it is missing. */
export async function kafkaJars(): Promise<string> {
  const given = process.env['OTTLA_KAFKA_JARS']
  if (given !== undefined) return given
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ottla', `kafka-${KAFKA_VERSION}`)
  const jars = join(cache, 'lib')
  if (existsSync(jars)) return jars
  mkdirSync(cache, { recursive: true })
  writeFileSync(join(cache, 'pom.xml'), POM)
  const partial = join(cache, 'lib-partial')
  const args = [
    '-q',
    '-B',
    '-f',
    join(cache, 'pom.xml'),
    'dependency:copy-dependencies',
    `-DoutputDirectory=${partial}`,
  ]
  await succeed('mvn', args, { timeoutMs: FETCH_MS_MAX })
  // Under its name only when it is whole.
  renameSync(partial, jars)
  return jars
}

const dependency = (artifact: string) =>
  `<dependency><groupId>org.apache.kafka</groupId><artifactId>${artifact}</artifactId><version>${KAFKA_VERSION}</version></dependency>`

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>ottla</groupId><artifactId>oracle</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependency('kafka_2.13')}${dependency('kafka-tools')}</dependencies></project>
`

export class Kafka implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #directory: TempDirectory
  readonly target: Target

  static async start(profile: ProfileName): Promise<Kafka> {
    const jars = await kafkaJars()
    const found = readdirSync(jars).some((name) => name === `kafka_2.13-${KAFKA_VERSION}.jar`)
    if (!found) throw new Error(`Cannot record: "${jars}" does not hold Apache Kafka ${KAFKA_VERSION}`)
    const directory = new TempDirectory('oracle')
    const [port, controllerPort] = await freePorts()
    const properties = directory.of('server.properties')
    writeFileSync(properties, propertiesText({ profile, port, controllerPort, data: directory.of('data') }))
    const java = (main: string, ...args: string[]) => [HEAP, '-cp', join(jars, '*'), main, ...args]
    await succeed('java', java('kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties))
    const child = spawn('java', java('kafka.Kafka', properties), { stdio: ['ignore', 'pipe', 'pipe'] })
    const target = {
      ...{ host: '127.0.0.1', port, settleMs: SETTLE_MS },
      places: [
        [`:${port}`, ':<port>'],
        [`:${controllerPort}`, ':<port>'],
        [directory.of('data'), '<dir>'],
      ] as const,
    }
    const kafka = new Kafka(child, directory, target)
    await kafka.#answering()
    await warmUp(target)
    return kafka
  }

  private constructor(child: ChildProcess, directory: TempDirectory, target: Target) {
    this.#child = child
    this.#directory = directory
    this.target = target
  }

  async #answering(): Promise<void> {
    let output = ''
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-OUTPUT_CHARS_MAX)
    }
    this.#child.stdout?.on('data', keep)
    this.#child.stderr?.on('data', keep)
    for (let tries = 0; tries < START_TRIES_MAX && this.#child.exitCode === null; tries++) {
      if (await isListening(this.target)) return
      await new Promise((resolve) => setTimeout(resolve, START_RETRY_MS))
    }
    await this[Symbol.asyncDispose]()
    throw new Error(`Cannot start Apache Kafka:\n${output}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      const gone = new Promise((resolve) => this.#child.once('close', resolve))
      this.#child.kill('SIGKILL')
      await gone
    }
    this.#directory[Symbol.dispose]()
  }
}

function propertiesText(options: { profile: ProfileName; port: number; controllerPort: number; data: string }): string {
  const { profile, port, controllerPort, data } = options
  const settings = {
    'process.roles': 'broker,controller',
    'controller.quorum.voters': `${PROFILES[profile]['node.id']}@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': data,
    ...PROFILES[profile],
  }
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

async function isListening(target: Target): Promise<boolean> {
  try {
    using _connection = await RawConnection.open(target)
    return true
  } catch {
    return false
  }
}

/** Kafka is told its ports before it starts. Both are held until both are known. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()]
  const ports = await Promise.all(
    servers.map(async (server) => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return (server.address() as { port: number }).port
    }),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return [ports[0]!, ports[1]!]
}
