/**
 * Owns the names by which a cleaned segment takes the place of its sources, in an order of which every crash leaves
 * something that leftovers.ts brings to one of the two ends:
 *
 * 1. `.cleaned` becomes `.swap`, the segment's own file last, and that is made durable. A crash before finds a
 *    `.cleaned` and removes all of it; the sources are untouched.
 * 2. The sources lose their names (`.deleted`), and that is made durable. A crash finds the `.swap` and carries on.
 * 3. `.swap` loses its suffix, the segment's own file last. A crash finds the `.swap`, or only some of its indexes,
 *    which then belong to the segment that has its name already.
 */
import type { Disk } from '@ottla/base/disk.ts'
import {
  CLEANED_SUFFIX,
  fileName,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  SWAP_SUFFIX,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from '../file-names.ts'

/** The segment's file comes last: as long as it has not got its name the rest can be done again. */
const SUFFIXES = [OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX, LOG_SUFFIX]

export function hasCleanedFiles(disk: Disk, directory: string, baseOffset: number): boolean {
  return disk.exists(`${directory}/${fileName(baseOffset, LOG_SUFFIX)}${CLEANED_SUFFIX}`)
}

/** The first step. */
export function setBeside(disk: Disk, directory: string, baseOffset: number): void {
  for (const suffix of SUFFIXES) {
    const path = `${directory}/${fileName(baseOffset, suffix)}`
    if (disk.exists(path + CLEANED_SUFFIX)) disk.rename(path + CLEANED_SUFFIX, path + SWAP_SUFFIX)
  }
  disk.syncDirectory(directory)
}

/** The last step, when the sources have lost their names; the caller syncs the directory some time. */
export function putIntoPlace(disk: Disk, directory: string, baseOffset: number): void {
  disk.syncDirectory(directory)
  for (const suffix of SUFFIXES) {
    const path = `${directory}/${fileName(baseOffset, suffix)}`
    if (disk.exists(path + SWAP_SUFFIX)) disk.rename(path + SWAP_SUFFIX, path)
  }
  // One without entries was there to take the place of another: the file stands for at least one entry.
  const aborted = `${directory}/${fileName(baseOffset, TRANSACTION_INDEX_SUFFIX)}`
  if (disk.stat(aborted)?.size === 0) disk.remove(aborted)
}

/** Removes what a compaction that was stopped has left. */
export function removeCleaned(disk: Disk, directory: string): void {
  for (const { name } of disk.list(directory)) {
    if (name.endsWith(CLEANED_SUFFIX)) disk.remove(`${directory}/${name}`)
  }
}
