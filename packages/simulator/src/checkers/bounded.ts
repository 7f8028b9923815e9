/**
 * A topic whose oldest records go, by retention and on demand: from its start on nothing is missing, readers passed over
 * nothing but what is gone, and what was deleted stays so. Pure.
 */
import type { Reading, Sent } from '../workloads/produce-and-read.ts'
import { type FinalLog, isAt, nameOf } from '../workloads/workload.ts'

/** In words, at most so many of a kind. */
const TOLD_MAX = 3

export interface Bounds {
  /** The first offset that is still there. */
  readonly startOffset: number
  /** Records below it were deleted, as somebody was told. */
  readonly deletedTo: number
}

export function checkBounded(
  log: FinalLog,
  bounds: Bounds,
  known: { sent: readonly Sent[]; readings: readonly Reading[] },
): string[] {
  const { startOffset, deletedTo } = bounds
  const told = deletedTo > startOffset ? [`deletion undone: it begins at ${startOffset}, ${deletedTo} was said`] : []
  const left = log.records.filter(({ offset }) => offset >= startOffset)
  const sent = known.sent.filter(isAt(log))
  const read = known.readings
    .filter(isAt(log))
    .flatMap((reading) => misread({ ...log, records: left }, startOffset, reading))
  return [...told, ...misplaced(left, startOffset, sent), ...read].map((text) => `${text} (${nameOf(log)})`)
}

function misplaced(left: FinalLog['records'], startOffset: number, sent: readonly Sent[]): string[] {
  const offsets = new Map<string, number[]>()
  for (const { offset, value } of left) offsets.set(value, [...(offsets.get(value) ?? []), offset])
  const hole = left.findIndex(({ offset }, i) => i > 0 && offset !== left[i - 1]!.offset + 1)
  const holes = hole < 0 ? [] : [`hole: ${left[hole]!.offset} follows ${left[hole - 1]!.offset}`]
  const wrong = sent.flatMap(({ value, offset }) => {
    const found = offsets.get(value) ?? []
    if (found.length > 1) return [`duplicate: it is at ${found.join(' and ')}`]
    if (offset === null || (offset < startOffset && found.length === 0)) return []
    if (found.length === 0) return [`lost: acknowledged at ${offset}, at or behind the start ${startOffset}`]
    return found[0] === offset ? [] : [`moved: acknowledged at ${offset}, is at ${found[0]}`]
  })
  return [...holes, ...wrong.slice(0, TOLD_MAX)]
}

function misread(log: FinalLog, startOffset: number, { consumer, records, error }: Reading): string[] {
  if (error !== null) return [`ended: ${consumer}: ${error.message}`]
  for (const [i, { offset }] of records.entries()) {
    const next = i === 0 ? 0 : records[i - 1]!.offset + 1
    if (offset < next) return [`poll back: ${consumer} read ${offset} where ${next} was next`]
    if (offset > next && offset > startOffset) return [`poll skip: ${consumer} read ${offset} where ${next} was next`]
  }
  const values = new Map(log.records.map(({ offset, value }) => [offset, value]))
  const unlike = records.find(({ offset, value }) => (values.get(offset) ?? value) !== value)
  return unlike === undefined ? [] : [`read ahead: ${consumer} read something else at ${unlike.offset}`]
}
