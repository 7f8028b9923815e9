/**
 * Owns Apache Kafka on this machine: its jars, fetched by Maven into a cache outside the repository; one broker that is
 * its own controller, as a process on free ports; and its command-line tools. Needs `java` (17 or later) and, once,
 * `mvn`. OTTLA_KAFKA_JARS names a directory of jars to use instead. What the broker is for, its callers say by settings.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { deferred } from '@ottla/base/deferred.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { decodeResponse, encodeRequest } from '@ottla/protocol/frame.ts'
import type { BrokerAddress } from './cluster.ts'
import { run, succeed } from './processes.ts'
import { RawConnection } from './raw-connection.ts'

export const KAFKA_VERSION = '4.2.1'

/** What Kafka's own kafka-server-start gives the JVM. */
export const SERVER_JVM: readonly string[] = [
  ...['-Xmx1G', '-Xms1G', '-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20'],
  ...['-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent', '-Djava.awt.headless=true'],
]

export interface ApacheKafkaOptions {
  /** Exists, and stays its maker's to remove. The broker keeps its settings and data there. */
  readonly directory: string
  /** Over those of a single node; `node.id` is 1 when left out. */
  readonly settings?: Readonly<Record<string, string>>
  /** Where it tells clients to come, as to a relay in front of it; its own port when left out. */
  readonly advertisedPort?: number
  /** Words for the JVM; SERVER_JVM when left out. */
  readonly jvm?: readonly string[]
}

export interface ToolOptions {
  /** The tool is killed after this long, and its code is then null. */
  readonly timeoutMs: number
  /** For its standard input. */
  readonly input?: string
}

export interface ToolResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const TOOL_HEAP = '-Xmx256M'
const CLUSTER_ID = 'b3R0bGEtb3JhY2xlLW9uZQ'
const METADATA_VERSION = 12
/** A broker that does not serve by then hangs. A guard, not a measurement. */
const READY_MS_MAX = 60_000
const READY_RETRY_MS = 10
/** A broker that took a connection and does not answer is asked anew. */
const ANSWER_MS_MAX = 2_000
const STOP_MS_MAX = 60_000
const FETCH_MS_MAX = 600_000
/** Of what the broker said, the end is kept for when it fails. */
const OUTPUT_CHARS_MAX = 20_000

/** The directory of Kafka's jars; fetched first where it is missing. */
export async function kafkaJars(): Promise<string> {
  const given = process.env['OTTLA_KAFKA_JARS']
  const jars = given ?? (await cachedJars())
  const isThisKafka = readdirSync(jars).includes(`kafka_2.13-${KAFKA_VERSION}.jar`)
  if (!isThisKafka) throw new Error(`Cannot run: "${jars}" does not hold Apache Kafka ${KAFKA_VERSION}`)
  return jars
}

/** Why Kafka's programs cannot be run here as it is; null where they can. Fetches nothing. */
export function kafkaObstacle(): string | null {
  const jars = process.env['OTTLA_KAFKA_JARS'] ?? join(cacheDirectory(), 'lib')
  if (!existsSync(jars)) return `there are no jars of Apache Kafka in "${jars}"`
  const { error } = spawnSync('java', ['--version'], { timeout: ANSWER_MS_MAX })
  return error === undefined ? null : `java cannot be run: ${error.message}`
}

/**
 * Runs one of Kafka's programs to its end, as `bin/kafka-*.sh` do: `runKafkaTool('org.apache.kafka.tools.TopicCommand',
 * ['--bootstrap-server', …], …)`. A code other than 0 is a result, not an error.
 */
export async function runKafkaTool(
  className: string,
  args: readonly string[],
  options: ToolOptions,
): Promise<ToolResult> {
  const finished = await run('java', javaWords([TOOL_HEAP], await kafkaJars(), [className, ...args]), options)
  return { code: finished.exitCode, stdout: finished.output.toString(), stderr: finished.errors }
}

/**
 * Resolves once the broker tells of itself in Metadata: then it is unfenced, and topics can be made. `advertisedPort` is
 * the address's own when left out.
 */
export async function untilServing(
  address: BrokerAddress & { readonly advertisedPort?: number },
  isAlive: () => boolean,
): Promise<boolean> {
  const endMs = performance.now() + READY_MS_MAX
  while (isAlive() && performance.now() < endMs) {
    if (await knowsItself(address, address.advertisedPort ?? address.port)) return true
    await sleep(READY_RETRY_MS)
  }
  return false
}

export class ApacheKafka implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  readonly #exited = deferred<void>()
  readonly host = '127.0.0.1'
  readonly port: number
  readonly advertisedPort: number
  readonly controllerPort: number
  readonly dataDirectory: string
  #output = ''
  readonly #startedMs: number
  #readyMs = 0

  /** Resolves once the broker serves. A directory that holds a broker's data is used on. */
  static async start(options: ApacheKafkaOptions): Promise<ApacheKafka> {
    const { directory, settings = {}, jvm = SERVER_JVM } = options
    const jars = await kafkaJars()
    const ports = await freePorts()
    const { advertisedPort = ports.port } = options
    const advertised = { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort}` }
    const dataDirectory = join(directory, 'data')
    const properties = join(directory, 'server.properties')
    writeFileSync(
      properties,
      propertiesText({ ...singleNode(ports, dataDirectory, settings), ...advertised, ...settings }),
    )
    if (!existsSync(join(dataDirectory, 'meta.properties'))) {
      const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties]
      await succeed('java', javaWords([TOOL_HEAP], jars, format))
    }
    const kafka = new ApacheKafka(javaWords(jvm, jars, ['kafka.Kafka', properties]), {
      ...{ ports, dataDirectory, advertisedPort },
    })
    await kafka.#untilReady()
    return kafka
  }

  private constructor(words: readonly string[], places: Places) {
    this.port = places.ports.port
    this.controllerPort = places.ports.controllerPort
    this.advertisedPort = places.advertisedPort
    this.dataDirectory = places.dataDirectory
    this.#startedMs = performance.now()
    this.#child = spawn('java', words, { stdio: ['ignore', 'pipe', 'pipe'] })
    // Who fails before it could dispose its broker must not leave it behind.
    const end = (): void => void this.#child.kill('SIGKILL')
    process.once('exit', end)
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_CHARS_MAX)
    }
    this.#child.stdout.on('data', keep)
    this.#child.stderr.on('data', keep)
    this.#child.on('error', (error) => {
      this.#output += error.message
      this.#exited.resolve()
    })
    this.#child.on('close', () => {
      process.off('exit', end)
      this.#exited.resolve()
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** HOST:PORT */
  get bootstrap(): string {
    return `${this.host}:${this.port}`
  }

  /** From starting the process until it served. */
  get readyMs(): number {
    return this.#readyMs
  }

  get isRunning(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The end of what it has written to both of its streams. */
  get output(): string {
    return this.#output
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Asks it to stop, with a controlled shutdown, and waits until it has; killed where it takes too long. */
  async stop(): Promise<void> {
    // Stopped processes keep a SIGTERM for later.
    this.signal('SIGCONT')
    this.signal('SIGTERM')
    const guard = setTimeout(() => this.signal('SIGKILL'), STOP_MS_MAX)
    await this.#exited.promise
    clearTimeout(guard)
  }

  /** Ends it as a power switch would, but for the page cache. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#exited.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  async #untilReady(): Promise<void> {
    const isServing = await untilServing(this, () => this.isRunning)
    this.#readyMs = performance.now() - this.#startedMs
    if (isServing) return
    await this.kill()
    throw new Error(`Cannot start Apache Kafka:\n${this.#output}`)
  }
}

interface Places {
  readonly ports: Ports
  readonly dataDirectory: string
  readonly advertisedPort: number
}

interface Ports {
  readonly port: number
  readonly controllerPort: number
}

function singleNode({ port, controllerPort }: Ports, data: string, settings: Readonly<Record<string, string>>) {
  const nodeId = settings['node.id'] ?? '1'
  return {
    'node.id': nodeId,
    'process.roles': 'broker,controller',
    'controller.quorum.voters': `${nodeId}@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': data,
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
  }
}

function propertiesText(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

function javaWords(jvm: readonly string[], jars: string, rest: readonly string[]): string[] {
  return [...jvm, '-cp', join(jars, '*'), ...rest]
}

async function cachedJars(): Promise<string> {
  const cache = cacheDirectory()
  const jars = join(cache, 'lib')
  if (existsSync(jars)) return jars
  mkdirSync(cache, { recursive: true })
  const pom = join(cache, 'pom.xml')
  writeFileSync(pom, POM)
  const partial = join(cache, 'lib-partial')
  const args = ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`]
  await succeed('mvn', args, { timeoutMs: FETCH_MS_MAX })
  // Under its name only when it is whole.
  renameSync(partial, jars)
  return jars
}

function cacheDirectory(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ottla', `kafka-${KAFKA_VERSION}`)
}

const dependency = (artifact: string) =>
  `<dependency><groupId>org.apache.kafka</groupId><artifactId>${artifact}</artifactId><version>${KAFKA_VERSION}</version></dependency>`

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>ottla</groupId><artifactId>oracle</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependency('kafka_2.13')}${dependency('kafka-tools')}</dependencies></project>
`

async function knowsItself(address: BrokerAddress, advertisedPort: number): Promise<boolean> {
  try {
    using connection = await RawConnection.open(address)
    const header = { correlationId: 1, clientId: 'interop' }
    connection.write(Buffer.concat(encodeRequest(Metadata, METADATA_VERSION, header, { topics: [] })))
    const guard = setTimeout(() => connection[Symbol.dispose](), ANSWER_MS_MAX)
    const frame = await connection.frame()
    clearTimeout(guard)
    if (frame === null) return false
    const { brokers } = decodeResponse(Metadata, METADATA_VERSION, frame)
    return brokers.some(({ port }) => port === advertisedPort)
  } catch {
    return false
  }
}

async function sleep(ms: number): Promise<void> {
  const { promise, resolve } = deferred<void>()
  setTimeout(resolve, ms)
  await promise
}

/** Kafka is told its ports before it starts. Both are held until both are known. */
async function freePorts(): Promise<Ports> {
  const servers = [createServer(), createServer()]
  const [port, controllerPort] = await Promise.all(
    servers.map(async (server) => {
      const { promise, resolve } = deferred<void>()
      server.listen(0, '127.0.0.1', resolve)
      await promise
      return (server.address() as { port: number }).port
    }),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return { port: port!, controllerPort: controllerPort! }
}
