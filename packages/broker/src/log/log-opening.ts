/**
 * Owns the three ways to a log that can be used: from what was remembered when it was closed, without looking at a
 * file; from nothing, in a directory of its own; and from the files, by recovery.ts.
 */
import { dirname } from 'node:path'
import { LeaderEpochs } from './leader-epochs.ts'
import { fileNames, settleLeftovers } from './leftovers.ts'
import type { LogOptions } from './log-options.ts'
import type { LogSummary } from './log-summary.ts'
import { tracesIn } from './missing-segments.ts'
import { ProducerSnapshots } from './producer-snapshots.ts'
import { ProducerStates } from './producer-state.ts'
import { recoverLog } from './recovery.ts'
import { rewriteBehind } from './rewrite.ts'
import { Segment } from './segment.ts'
import { SegmentHome } from './segment-home.ts'

export interface OpenedLog {
  readonly home: SegmentHome
  readonly segments: Segment[]
  /** Null: there are none, or they are stored. */
  readonly producers: ProducerStates | null
  /** They are in the snapshot as of the log's end, which is read when they are asked for. */
  readonly areProducersStored: boolean
  readonly leaderEpochs: LeaderEpochs
  readonly snapshots: ProducerSnapshots
  readonly logStartOffset: number
  readonly logEndOffset: number
  /** From its files: what an orderly close leaves may be missing. */
  readonly isRecovered: boolean
}

/** What it finds is durable when it resolves. Rejects with DiskError, CorruptLogError. */
export async function openLog(options: LogOptions): Promise<OpenedLog> {
  const home = new SegmentHome(options)
  if (options.remembered) return resume(options, home, options.remembered)
  return options.disk.exists(options.directory) ? recover(options, home) : begin(options, home)
}

/** The log is as it was closed, and stays at rest: no file is opened. */
function resume(options: LogOptions, home: SegmentHome, summary: LogSummary): OpenedLog {
  const { disk, directory } = options
  const { logStartOffset, logEndOffset } = summary
  const segments = summary.segments.map((one) => Segment.remembered(home, one))
  segments.at(-1)!.resumeIndexes(summary.activeIndexes)
  return {
    ...{ home, segments, logStartOffset, logEndOffset, isRecovered: false },
    producers: null,
    areProducersStored: summary.hasProducers,
    leaderEpochs: LeaderEpochs.of(disk, directory, summary.leaderEpochs),
    snapshots: new ProducerSnapshots(disk, directory),
  }
}

/** An empty log in a directory of its own. What is inside becomes durable with the first record that does. */
async function begin(options: LogOptions, home: SegmentHome): Promise<OpenedLog> {
  const { disk, directory, logStartOffset, clock } = options
  disk.makeDirectory(directory)
  const segment = Segment.create(home, { baseOffset: logStartOffset, nowMs: clock.wallMs() })
  segment.rest()
  await syncParent(options)
  return {
    ...{ home, segments: [segment], logStartOffset, logEndOffset: logStartOffset, isRecovered: false },
    producers: null,
    areProducersStored: false,
    leaderEpochs: LeaderEpochs.of(disk, directory, { entries: [], isDirty: false }),
    snapshots: new ProducerSnapshots(disk, directory, { names: [] }),
  }
}

async function recover(options: LogOptions, home: SegmentHome): Promise<OpenedLog> {
  const { disk, directory, clock, settings } = options
  const namesLeft = fileNames(disk, directory)
  const traces = tracesIn(namesLeft)
  const names = await settleLeftovers(disk, directory, namesLeft)
  if (!options.cleanShutdown) await syncParent(options)
  const producers = new ProducerStates(options.producerIdExpirationMs)
  const leaderEpochs = LeaderEpochs.load(disk, directory)
  const snapshots = new ProducerSnapshots(disk, directory, { names })
  const nowMs = clock.wallMs()
  const recovered = await recoverLog(
    { ...options, names, traces, home, indexIntervalBytes: settings.indexIntervalBytes, nowMs },
    { producers, leaderEpochs, snapshots },
  )
  if (typeof options.rewriteBehind === 'number') {
    await rewriteBehind(recovered.segments, { ...options, offset: options.rewriteBehind })
  }
  producers.removeExpired(nowMs)
  const known = { producers: producers.count === 0 ? null : producers, areProducersStored: false }
  return { home, ...recovered, ...known, leaderEpochs, snapshots, isRecovered: true }
}

function syncParent({ disk, directory, syncParent }: LogOptions): Promise<void> {
  return syncParent?.() ?? disk.syncNames(dirname(directory))
}
