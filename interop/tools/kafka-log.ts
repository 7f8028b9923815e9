/**
 * Owns Apache Kafka's log: its jars as Maven brings them have no logger behind the interface, so one is fetched beside
 * them, put in front of the JVM's classes, and told to write to a file. What in it is a complaint is told here too.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { kafkaJars } from '../apache-kafka.ts'
import { succeed } from '../processes.ts'

const LOGGER = 'slf4j-simple'
const FETCH_MS_MAX = 300_000

/** Words for the JVM, after which Kafka's log is in this file. */
export async function loggerWords(path: string): Promise<string[]> {
  const jars = await kafkaJars()
  const api = join(jars, 'slf4j-api-1.7.36.jar')
  return [
    `-Xbootclasspath/a:${api}:${await loggerJar(join(dirname(jars), 'logger'))}`,
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=info',
    `-Dorg.slf4j.simpleLogger.logFile=${path}`,
  ]
}

/** Lines at warning level and above that speak of a topic's log, or of the loading of logs at all. */
export function complaints(log: string, topic: string): string[] {
  const about = new RegExp(`${topic}|snapshot|index|segment|recover|LogManager|LogLoader|UnifiedLog`, 'i')
  return log.split('\n').filter((line) => /^\[[^\]]*\] (WARN|ERROR) /.test(line) && about.test(line))
}

async function loggerJar(folder: string): Promise<string> {
  const jar = join(folder, `${LOGGER}-1.7.36.jar`)
  if (existsSync(jar)) return jar
  mkdirSync(folder, { recursive: true })
  const args = ['-q', '-B', 'dependency:copy', `-Dartifact=org.slf4j:${LOGGER}:1.7.36`, `-DoutputDirectory=${folder}`]
  await succeed('mvn', args, { timeoutMs: FETCH_MS_MAX })
  return jar
}
