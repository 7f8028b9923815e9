/** What the disks hold after all brokers have stopped: every replica's log, byte for byte. */
import type { Disk } from '@ottla/base/disk.ts'
import { FetchedBatch } from '@ottla/client/consumer/fetched-batch.ts'
import { ZERO_UUID } from '@ottla/protocol/bytes.ts'
import { batchBaseOffset, batchesIn, batchLastOffset, checkCrc } from '@ottla/protocol/records/batch.ts'
import { DATA_DIRECTORY } from '../cluster.ts'
import { type Place, type Seen, seenOf } from '../workloads/workload.ts'

export interface ReplicaLog {
  readonly brokerId: number
  readonly bytes: Buffer
}

export function replicaLog(disk: Disk, brokerId: number, { topic, partition }: Place): ReplicaLog {
  const directory = `${DATA_DIRECTORY}/${topic}-${partition}`
  return {
    brokerId,
    bytes: disk.exists(directory)
      ? Buffer.concat(logPaths(disk, directory).map((path) => disk.readFile(path)))
      : Buffer.alloc(0),
  }
}

export interface LogFile {
  readonly path: string
  readonly bytes: Buffer
}

/** Every file that holds batches. */
export function logFilesOf(disk: Disk): LogFile[] {
  return logFilePaths(disk).map((path) => ({ path, bytes: disk.readFile(path) }))
}

export function logFilePaths(disk: Disk): string[] {
  if (!disk.exists(DATA_DIRECTORY)) return []
  const directories = disk.list(DATA_DIRECTORY).filter(({ isDirectory }) => isDirectory)
  return directories.flatMap(({ name }) => logPaths(disk, `${DATA_DIRECTORY}/${name}`))
}

function logPaths(disk: Disk, directory: string): string[] {
  const names = disk.list(directory).map(({ name }) => name)
  return names.filter((name) => name.endsWith('.log')).map((name) => `${directory}/${name}`)
}

/**
 * The records of a log, and the first thing that is wrong with its batches. What is compacted has gaps, and what is cut at
 * its beginning begins anywhere.
 */
export function recordsIn(
  { bytes }: ReplicaLog,
  { topic, partition, isWhole = true }: Place & { isWhole?: boolean },
): { records: Seen[]; wrong: string | null } {
  const records: Seen[] = []
  let wrong: string | null = null
  let end = 0
  for (const batch of batchesIn(bytes)) {
    const fromOffset = batchBaseOffset(batch, 0)
    if ((isWhole ? fromOffset !== end : fromOffset < end) || !checkCrc(batch, 0))
      wrong ??= `the batch at ${fromOffset} does not follow ${end}, or is damaged`
    end = batchLastOffset(batch, 0) + 1
    const options = {
      topic,
      topicId: ZERO_UUID,
      partition,
      bytes: batch,
      fromOffset,
      untilOffset: end,
      highWatermark: end,
    }
    for (const record of new FetchedBatch(options).records()) records.push(seenOf(record))
  }
  return { records, wrong }
}

/** Where two logs differ first, in words; null where they do not. */
export function difference(left: ReplicaLog, right: ReplicaLog): string | null {
  if (left.bytes.equals(right.bytes)) return null
  const names = `brokers ${left.brokerId} and ${right.brokerId}`
  const [ours, theirs] = [[...batchesIn(left.bytes)], [...batchesIn(right.bytes)]]
  const at = ours.findIndex((batch, i) => theirs[i] === undefined || !batch.equals(theirs[i]))
  const first = at < 0 ? theirs[ours.length] : ours[at]
  return `${names} differ from offset ${first === undefined ? 'beyond the last batch' : batchBaseOffset(first, 0)} on`
}
