/** Owns writing, at a clean stop, what the logs are, so that the next start need not look at them. */
import { basename } from 'node:path'
import { type Disk, DiskError } from '@ottla/base/disk.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { DelayedRemovals } from '../log/delayed-removals.ts'
import type { RememberedLog } from '../log/log-summaries-file.ts'
import { stampOf } from '../log/log-summary.ts'
import type { LogDirectory } from './log-directories.ts'
import type { Partition } from './partition.ts'

interface HeldLog {
  readonly partition: Partition
  readonly directory: LogDirectory
}

interface RememberOptions {
  readonly disk: Disk
  readonly directories: readonly LogDirectory[]
  readonly logger: Logger
  readonly removals: DelayedRemovals
}

/** Of logs that are all closed whole, with their checkpoints written. */
export function rememberLogs(
  { disk, directories, logger, removals }: RememberOptions,
  closed: readonly HeldLog[],
): void {
  try {
    for (const directory of directories) {
      // Where something is left over the next start looks at the files, and removes it.
      const its = closed.filter((one) => one.directory === directory && !removals.hasLeft(one.partition.log.directory))
      directory.remember(its.map(({ partition }) => remembered(disk, partition)).filter((log) => log !== null))
    }
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    // It costs the next start time, nothing else.
    logger.warn('Cannot write what the logs are', { error })
  }
}

/** Null where the files are not what the log thinks: then the next start looks at them. */
function remembered(disk: Disk, { topicId, log }: Partition): RememberedLog | null {
  const { summary } = log
  const stamp = summary && stampOf(disk, log.directory, summary)
  return stamp && { name: basename(log.directory), topicId, summary: summary!, stamp }
}
