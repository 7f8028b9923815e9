/**
 * Owns one compaction of one log, seen from the event loop: what it works on, where it runs, and that each cleaned
 * segment takes its place as soon as it is there, in order. Whatever else happens to the log meanwhile wins: the
 * compaction then ends, and what it has put into place so far stays.
 */
import { JobError, JobStoppedError, type Threads } from '@ottla/base/threads.ts'
import type { Log } from '../log.ts'
import { compactionJob } from './compact.ts'
import type { CleanedSegment, CompactionLimits, CompactionResult } from './compaction-job.ts'

export interface CompactLogOptions {
  readonly threads: Threads
  readonly limits: CompactionLimits
  readonly firstDirtyOffset: number
  /** Nothing at or beyond it is touched. */
  readonly belowOffset: number
  readonly nowMs: number
  /** `log.cleaner.io.max.bytes.per.second`: of reads and writes together. */
  readonly bytesPerSecondMax: number
  readonly signal: AbortSignal
}

export type CompactionOutcome =
  | ({ readonly kind: 'compacted' } & CompactionResult)
  /** The log's segments were removed or cut meanwhile, or the log is not in use any more. */
  | { readonly kind: 'overtaken' }
  /** The signal aborted. */
  | { readonly kind: 'stopped' }

/** Nothing runs and no file is left when it settles. Rejects with JobError, and with LogOfflineError. */
export async function compactLog(log: Log, options: CompactLogOptions): Promise<CompactionOutcome> {
  const { threads, limits, firstDirtyOffset, nowMs, signal, bytesPerSecondMax } = options
  const plan = log.compactableBelow(options.belowOffset)
  const overtaken = new AbortController()
  const onReport = (cleaned: CleanedSegment) => {
    if (signal.aborted || overtaken.signal.aborted) return
    if (!log.replaceCompacted(cleaned, plan)) overtaken.abort()
  }
  try {
    const input = {
      ...{ ...limits, directory: log.directory, sources: plan.sources, firstDirtyOffset, nowMs },
      endOffset: plan.endOffset,
      lastOfProducers: log.producers.lastOfEach(),
    }
    const stop = AbortSignal.any([signal, overtaken.signal])
    const result = await threads.run(compactionJob, input, {
      onReport,
      signal: stop,
      costPerSecondMax: bytesPerSecondMax,
    })
    // Stopped after its last step: it had put nothing into place since.
    if (overtaken.signal.aborted) return { kind: 'overtaken' }
    return signal.aborted ? { kind: 'stopped' } : { kind: 'compacted', ...result }
  } catch (error) {
    if (signal.aborted) return { kind: 'stopped' }
    if (error instanceof JobStoppedError || isMissing(error)) return { kind: 'overtaken' }
    throw error
  } finally {
    if (!log.isOffline) log.removeCleanedFiles()
  }
}

/** A source was removed before it was read. */
function isMissing(error: unknown): boolean {
  return error instanceof JobError && error.code === 'ENOENT'
}
