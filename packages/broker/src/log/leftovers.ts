/**
 * Owns what an interrupted operation may have left in a partition's directory, and brings it to one of its two ends
 * before anything is opened.
 *
 * 1. `.deleted`: a removal had been decided; it is done.
 * 2. `.cleaned`: a compaction was still writing; the original segments are all there, so this goes.
 * 3. `.swap`: a compaction had finished and was replacing the originals, some of which may be gone: it is carried
 *    through. With a `.cleaned` beside it whose offset is not larger the compaction had not finished (a split renames
 *    its results from the last to the first), so that these `.swap` files go as well.
 * 4. An index with `.swap` without its segment's: the segment has got its name already, and the index gets its own.
 * 5. `.tmp`: a checkpoint's replacement was still being written; the checkpoint is whole.
 * 6. An index without its segment: the removal of the segment came through, that of the index did not.
 */
import type { Disk } from '@ottla/base/disk.ts'
import { batchLastOffset } from '@ottla/protocol/records/batch.ts'
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  fileName,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  offsetInName,
  SWAP_SUFFIX,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from './file-names.ts'
import { scanBatches } from './scan.ts'

/** The segment's file comes last: as long as its name stands the rest can be done again. */
const SEGMENT_SUFFIXES = [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX, LOG_SUFFIX]

/** `names` are those of the files in the directory; answers those that there are then. */
export async function settleLeftovers(
  disk: Disk,
  directory: string,
  names: readonly string[],
): Promise<readonly string[]> {
  if (names.every((name) => !isLeftover(name)) && orphansIn(names).length === 0) return names
  const cleanedMin = Math.min(...names.filter((name) => name.endsWith(CLEANED_SUFFIX)).map(offsetOf))
  for (const name of names) {
    const isUnfinished = name.endsWith(SWAP_SUFFIX) && offsetOf(name) >= cleanedMin
    const isTemporary = [DELETED_SUFFIX, CLEANED_SUFFIX, '.tmp'].some((suffix) => name.endsWith(suffix))
    if (isUnfinished || isTemporary) disk.remove(`${directory}/${name}`)
  }
  for (const name of fileNames(disk, directory)) {
    const base = name.endsWith(SWAP_SUFFIX) ? offsetInName(name.slice(0, -SWAP_SUFFIX.length), LOG_SUFFIX) : null
    if (base !== null) await finishSwap(disk, directory, base)
  }
  for (const name of fileNames(disk, directory)) {
    if (name.endsWith(SWAP_SUFFIX))
      disk.rename(`${directory}/${name}`, `${directory}/${name.slice(0, -SWAP_SUFFIX.length)}`)
  }
  removeOrphans(disk, directory)
  return fileNames(disk, directory)
}

async function finishSwap(disk: Disk, directory: string, base: number): Promise<void> {
  const lastOffset = await lastOffsetOf(disk, `${directory}/${fileName(base, LOG_SUFFIX)}${SWAP_SUFFIX}`)
  for (const replaced of segmentOffsetsIn(fileNames(disk, directory))) {
    if (replaced > base && replaced <= lastOffset) removeSegment(disk, directory, replaced)
  }
  // The removals must not come through after the segment that replaces them has got its name and is removed again.
  disk.syncDirectory(directory)
  for (const suffix of SEGMENT_SUFFIXES) {
    const path = `${directory}/${fileName(base, suffix)}`
    if (disk.exists(path + SWAP_SUFFIX)) disk.rename(path + SWAP_SUFFIX, path)
  }
}

async function lastOffsetOf(disk: Disk, path: string): Promise<number> {
  const file = disk.open(path, { readOnly: true })
  try {
    let lastOffset = -1
    await scanBatches(file, { from: 0, to: file.size(), depth: 'headers' }, (buffer, at) => {
      lastOffset = batchLastOffset(buffer, at)
      return true
    })
    return lastOffset
  } finally {
    file.close()
  }
}

function removeOrphans(disk: Disk, directory: string): void {
  for (const name of orphansIn(fileNames(disk, directory))) disk.remove(`${directory}/${name}`)
}

/** Indexes without their segment. */
function orphansIn(names: readonly string[]): string[] {
  const segments = new Set(names.map((name) => offsetInName(name, LOG_SUFFIX)))
  return names.filter((name) =>
    [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX].some((suffix) => {
      const offset = offsetInName(name, suffix)
      return offset !== null && !segments.has(offset)
    }),
  )
}

function isLeftover(name: string): boolean {
  return [DELETED_SUFFIX, CLEANED_SUFFIX, SWAP_SUFFIX, '.tmp'].some((suffix) => name.endsWith(suffix))
}

function removeSegment(disk: Disk, directory: string, base: number): void {
  for (const suffix of SEGMENT_SUFFIXES) {
    const path = `${directory}/${fileName(base, suffix)}`
    if (disk.exists(path)) disk.remove(path)
  }
}

/** The base offsets of the segments whose files have these names, ascending. */
export function segmentOffsetsIn(names: readonly string[]): number[] {
  const offsets = names.map((name) => offsetInName(name, LOG_SUFFIX))
  return offsets.filter((offset) => offset !== null).sort((left, right) => left - right)
}

/** Of the files in the directory. */
export function fileNames(disk: Disk, directory: string): string[] {
  return disk
    .list(directory)
    .filter((entry) => !entry.isDirectory)
    .map((entry) => entry.name)
}

function offsetOf(name: string): number {
  return Number.parseInt(name, 10)
}
