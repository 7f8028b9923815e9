/** Apache Kafka as one node, started by what its own start script gives the JVM. */
import { ApacheKafka, KAFKA_VERSION, SERVER_JVM } from '../../../../interop/apache-kafka.ts'
import { CommandError, runCommand } from '../child.ts'
import type { Contestant, LiveBroker, StartOptions } from './contestant.ts'

const VERSION_MS_MAX = 10_000

const SETTINGS = {
  // While another contestant runs this one is stopped, for minutes: it must not be fenced for that.
  'broker.session.timeout.ms': '3600000',
  // Deleted files go at once, so that what the kernel has not written of them yet never costs the next row.
  'log.segment.delete.delay.ms': '100',
}

export const KAFKA: Contestant = {
  name: 'kafka',
  describe: async () => `Apache Kafka ${KAFKA_VERSION}, ${await javaVersion()}, ${SERVER_JVM.join(' ')}`,
  settings: ['one node, broker and controller', ...Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}`)],
  topicConfigs: { synced: { 'flush.messages': '1' }, cached: {} },
  warmUpSeconds: { full: 30, quick: 12 },
  start: startKafka,
}

/** `java -version` speaks to standard error, `--version` does not. */
async function javaVersion(): Promise<string> {
  const output = await runCommand('java', ['--version'], { timeoutMs: VERSION_MS_MAX })
  return output.split('\n')[1]?.trim() ?? 'unknown Java'
}

async function startKafka(options: StartOptions): Promise<LiveBroker> {
  const { dataDirectory, disk } = options
  disk.makeDirectory(dataDirectory)
  try {
    return live(await ApacheKafka.start({ directory: dataDirectory, settings: SETTINGS }), options)
  } catch (error) {
    await disk.removeTree(dataDirectory)
    throw new CommandError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function live(kafka: ApacheKafka, { dataDirectory, disk, keepsData = false }: StartOptions): LiveBroker {
  return {
    pid: kafka.pid,
    bootstrap: kafka.bootstrap,
    readyMs: kafka.readyMs,
    logDirectory: kafka.dataDirectory,
    get obituary() {
      return kafka.isRunning ? null : `Kafka has ended. ${kafka.output}`
    },
    signal: (name) => kafka.signal(name),
    // What holds up the JVM is garbage collection and the scheduler; it shows in latency.
    loopReading: async () => null,
    [Symbol.asyncDispose]: async () => {
      if (keepsData) return await kafka.stop()
      await kafka.kill()
      await disk.removeTree(dataDirectory)
    },
  }
}
