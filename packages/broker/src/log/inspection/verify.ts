/**
 * `ottla log verify`: checks a log directory, a partition's directory or one segment. Reads only, takes no lock, and so
 * may see a running broker's files half written: what it finds at the end of an active segment may be gone a moment
 * later.
 */
import type { Disk } from '@ottla/base/disk.ts'
import {
  CheckpointError,
  CLEANER_OFFSET_NAME,
  HIGH_WATERMARK_NAME,
  LOG_START_NAME,
  parseOffsets,
  RECOVERY_POINT_NAME,
} from '../checkpoint-file.ts'
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  LOG_SUFFIX,
  offsetInName,
  SNAPSHOT_SUFFIX,
  SWAP_SUFFIX,
} from '../file-names.ts'
import { LEADER_EPOCHS_NAME, parseLeaderEpochs } from '../leader-epochs.ts'
import { PartitionMetadataError, readPartitionMetadata } from '../partition-metadata.ts'
import { isSnapshot } from '../producer-state.ts'
import { SET_ASIDE_SUFFIX } from '../set-aside.ts'
import { type Finding, type VerifyOptions, verifySegment } from './verify-segment.ts'

export type { Finding, VerifyOptions }

export interface Verified {
  partitions: number
  segments: number
  batches: number
  bytes: number
}

const LOST_END = 'the log has lost its end, or is another one'
const FAR_BEHIND = 'a start that follows no orderly stop reads them all: it takes longer'
/** A recovery point with so many segments wholly behind it is told of. */
const SEGMENTS_BEHIND_NOTED = 2

const PARTITION_DIRECTORY = /^(.+)-(\d+)$/
const LEFTOVERS = new Map([
  [DELETED_SUFFIX, 'is being deleted; a start goes on with it'],
  [CLEANED_SUFFIX, 'of a compaction that did not end; a start removes it'],
  [SWAP_SUFFIX, 'of a compaction that was putting its result in place; a start goes on with it'],
  ['.tmp', 'of a replacement that did not end; a start removes it'],
  [SET_ASIDE_SUFFIX, 'what an earlier start cut off a damaged log and kept; nobody reads it again'],
])

/** Rejects with DiskError where the path cannot be read. */
export async function verifyPath(path: string, options: VerifyOptions): Promise<Verified> {
  const verified: Verified = { partitions: 0, segments: 0, batches: 0, bytes: 0 }
  const { disk } = options
  if (path.endsWith(LOG_SUFFIX)) {
    await addSegment(path, path.slice(path.lastIndexOf('/') + 1), { verified, options })
    return verified
  }
  const entries = disk.list(path)
  const isPartition = entries.some(({ name, isDirectory }) => !isDirectory && offsetInName(name, LOG_SUFFIX) !== null)
  if (isPartition) await verifyPartition(path, verified, options)
  else await verifyLogDirectory(path, verified, options)
  return verified
}

interface Counting {
  readonly verified: Verified
  readonly options: VerifyOptions
}

async function addSegment(path: string, name: string, { verified, options }: Counting): Promise<number> {
  const { endOffset, batches, bytes } = await verifySegment(path, offsetInName(name, LOG_SUFFIX) ?? 0, options)
  verified.segments++
  verified.batches += batches
  verified.bytes += bytes
  return endOffset
}

async function verifyLogDirectory(path: string, verified: Verified, options: VerifyOptions): Promise<void> {
  const logs = new Map<string, Extent>()
  for (const { name, isDirectory } of options.disk.list(path)) {
    if (!isDirectory || !PARTITION_DIRECTORY.test(name)) continue
    logs.set(name, await verifyPartition(`${path}/${name}`, verified, options))
  }
  for (const name of [RECOVERY_POINT_NAME, LOG_START_NAME, HIGH_WATERMARK_NAME, CLEANER_OFFSET_NAME]) {
    const file = `${path}/${name}`
    if (options.disk.exists(file)) verifyCheckpoint(file, logs, options)
  }
}

/** Where a log ends, and where its segments begin. */
interface Extent {
  readonly endOffset: number
  readonly baseOffsets: readonly number[]
}

function verifyCheckpoint(file: string, logs: ReadonlyMap<string, Extent>, { disk, report }: VerifyOptions): void {
  try {
    for (const { topic, partition, offset } of parseOffsets(disk.readFile(file), file)) {
      const log = logs.get(`${topic}-${partition}`)
      const said = `it says ${offset} of ${topic}-${partition}, `
      const tell = (rest: string, meaning: string, severity: Finding['severity']) =>
        report({ file, position: null, problem: said + rest, meaning, severity })
      if (log === undefined) continue
      if (offset > log.endOffset) tell(`whose log ends at ${log.endOffset}`, LOST_END, 'damage')
      const behind = log.baseOffsets.filter((base) => base >= offset).length
      if (file.endsWith(RECOVERY_POINT_NAME) && behind >= SEGMENTS_BEHIND_NOTED)
        tell(`and ${behind} segments lie behind that`, FAR_BEHIND, 'note')
    }
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    const meaning = 'a start takes it as empty, checks every log from its beginning and writes it anew'
    report({ file, position: null, problem: error.message, meaning, severity: 'rebuilt' })
  }
}

async function verifyPartition(path: string, verified: Verified, options: VerifyOptions): Promise<Extent> {
  const { disk, report } = options
  const names = disk.list(path).flatMap(({ name, isDirectory }) => (isDirectory ? [] : [name]))
  verified.partitions++
  const baseOffsets: number[] = []
  let endOffset: number | null = null
  for (const name of names.filter((one) => offsetInName(one, LOG_SUFFIX) !== null)) {
    const file = `${path}/${name}`
    const baseOffset = offsetInName(name, LOG_SUFFIX)!
    if (endOffset !== null && baseOffset !== endOffset) {
      const problem = `it begins at ${baseOffset}, where its predecessor ends at ${endOffset}`
      const meaning = 'usual in a compacted log; in any other a segment is missing'
      report({ file, position: null, problem, meaning, severity: baseOffset < endOffset ? 'damage' : 'note' })
    }
    baseOffsets.push(baseOffset)
    endOffset = await addSegment(file, name, { verified, options })
  }
  for (const name of names) verifySmallFile(path, name, options)
  return { endOffset: endOffset ?? 0, baseOffsets }
}

function verifySmallFile(path: string, name: string, { disk, report }: VerifyOptions): void {
  const file = `${path}/${name}`
  const tell = (problem: string, meaning: string, severity: Finding['severity'] = 'rebuilt') =>
    report({ file, position: null, problem, meaning, severity })
  for (const [suffix, meaning] of LEFTOVERS) if (name.endsWith(suffix)) tell('it is a leftover', meaning, 'note')
  if (name === LEADER_EPOCHS_NAME && parseLeaderEpochs(disk.readFile(file), file) === null) {
    tell('it is no checkpoint of leader epochs', 'a start takes them from the batches')
  }
  if (name.endsWith(SNAPSHOT_SUFFIX) && !isSnapshot(disk.readFile(file))) {
    tell('its version, size or checksum is wrong', 'a start takes an older one, and the rest from the batches')
  }
  if (name === 'partition.metadata' && !isMetadata(disk, path)) {
    tell('it names no topic id', 'a start takes the directory for that of its name, and writes it anew')
  }
}

function isMetadata(disk: Disk, path: string): boolean {
  try {
    readPartitionMetadata(disk, path)
    return true
  } catch (error) {
    if (error instanceof PartitionMetadataError) return false
    throw error
  }
}
