/**
 * Owns the file `.ottla_logs` of a log directory: what the logs in it are, written at a clean stop and read at the next
 * start. Apache Kafka ignores it.
 *
 * Text: the first line is `ottla-logs 1 ` and the CRC-32C of all bytes behind that line, in hexadecimal. Each further
 * line is JSON: first the stamps of the directory's checkpoints, `{"<name>":"<size> <changed, ns>"}`, then one
 * `{name, topicId, summary, stamp}` a log.
 *
 * Validity: the checksum is right, and the checkpoints are as they were: whoever has used the directory in between has
 * written them. Each log is believed by its own stamp (log-summary.ts). Crash rule: written before the marker of a clean
 * stop, and removed with it before anything else is written; without the marker it is worth nothing. Any doubt costs
 * time: the log is opened from its files.
 */
import type { Disk } from '@ottla/base/disk.ts'
import { crc32c } from '@ottla/protocol/records/crc32c.ts'
import { HIGH_WATERMARK_NAME, LOG_START_NAME, RECOVERY_POINT_NAME } from './checkpoint-file.ts'
import type { LogStamp, LogSummary } from './log-summary.ts'

export const LOG_SUMMARIES_NAME = '.ottla_logs'

const TITLE = 'ottla-logs 1 '
const CHECKPOINTS = [RECOVERY_POINT_NAME, LOG_START_NAME, HIGH_WATERMARK_NAME]

export interface RememberedLog {
  /** Of its directory. */
  readonly name: string
  readonly topicId: string
  readonly summary: LogSummary
  readonly stamp: LogStamp
}

/** By name; empty where the file is missing or not to be believed. Throws DiskError. */
export function readLogSummaries(disk: Disk, logDirectory: string): Map<string, RememberedLog> {
  const path = `${logDirectory}/${LOG_SUMMARIES_NAME}`
  const none = new Map<string, RememberedLog>()
  if (!disk.exists(path)) return none
  const bytes = disk.readFile(path)
  const bodyAt = bytes.indexOf('\n') + 1
  if (bodyAt === 0 || bytes.toString('latin1', 0, bodyAt) !== titleOf(bytes.subarray(bodyAt))) return none
  const [checkpoints, ...logs] = bytes.toString('utf8', bodyAt).trimEnd().split('\n')
  if (checkpoints !== checkpointStamps(disk, logDirectory)) return none
  return new Map(logs.map((line) => JSON.parse(line) as RememberedLog).map((log) => [log.name, log]))
}

/** Durable when it returns. The checkpoints are as the next start will find them. Throws DiskError. */
export function writeLogSummaries(disk: Disk, logDirectory: string, logs: Iterable<RememberedLog>): void {
  const lines = [checkpointStamps(disk, logDirectory), ...Array.from(logs, (log) => JSON.stringify(log))]
  const body = Buffer.from(`${lines.join('\n')}\n`)
  const content = Buffer.concat([Buffer.from(titleOf(body)), body])
  disk.replaceFile(`${logDirectory}/${LOG_SUMMARIES_NAME}`, content)
}

function titleOf(body: Buffer): string {
  return `${TITLE}${crc32c(body).toString(16)}\n`
}

function checkpointStamps(disk: Disk, logDirectory: string): string {
  const stamps = CHECKPOINTS.map((name) => [name, stampOfFile(disk, `${logDirectory}/${name}`)])
  return JSON.stringify(Object.fromEntries(stamps))
}

function stampOfFile(disk: Disk, path: string): string {
  const stat = disk.stat(path)
  return stat === null ? '' : `${stat.size} ${stat.modifiedNs}`
}
