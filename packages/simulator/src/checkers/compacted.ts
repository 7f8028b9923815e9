/**
 * A compacted topic's replica, held against the model of it: of each key the newest record that anybody knows of is there,
 * at its offset, and whoever read to the end has read everything that is left. Pure.
 */
import type { Reading, Sent } from '../workloads/produce-and-read.ts'
import { type FinalLog, isAt, nameOf, type Seen } from '../workloads/workload.ts'

/** In words, at most so many of a kind. */
const TOLD_MAX = 3

export interface Known {
  readonly sent: readonly Sent[]
  readonly readings: readonly Reading[]
}

export function checkCompacted(log: FinalLog, { sent, readings }: Known): string[] {
  const here = sent.filter(isAt(log))
  const readers = readings.filter(isAt(log))
  const checks = [lost(log, here, readers), misplaced(log, here), ...readers.map((reading) => misread(log, reading))]
  return checks.flatMap((told) => told.slice(0, TOLD_MAX)).map((text) => `${text} (${nameOf(log)})`)
}

function lost(log: FinalLog, sent: readonly Sent[], readings: readonly Reading[]): string[] {
  const newest = new Map<string, Seen>()
  const acknowledged = sent.flatMap(({ key, value, offset }) =>
    key === null || offset === null ? [] : [{ key, value, offset }],
  )
  for (const one of [...acknowledged, ...log.records, ...readings.flatMap(({ records }) => records)]) {
    const known = newest.get(one.key ?? '')
    if (known === undefined || known.offset < one.offset) newest.set(one.key ?? '', one)
  }
  const left = new Map(log.records.map(({ offset, value }) => [offset, value]))
  return [...newest].flatMap(([key, { offset, value }]) => {
    return left.get(offset) === value ? [] : [`compaction loss: the newest record of "${key}", at ${offset}, is gone`]
  })
}

/** What is left is what was sent, once, where that was acknowledged, in its producer's order. */
function misplaced({ records }: FinalLog, sent: readonly Sent[]): string[] {
  const byValue = new Map(sent.map((one) => [one.value, one]))
  const last = new Map<string, number>()
  return records.flatMap(({ offset, value, key }) => {
    const one = byValue.get(value)
    if (one === undefined || one.key !== (key ?? null)) return [`unknown: nobody sent what is at ${offset}`]
    if (one.offset !== null && one.offset !== offset) return [`moved: acknowledged at ${one.offset}, is at ${offset}`]
    const before = last.get(one.producer) ?? -1
    last.set(one.producer, one.number)
    if (one.number === before) return [`duplicate: ${one.producer} ${one.number} is there again at ${offset}`]
    return one.number < before ? [`reordered: ${one.producer} ${one.number} is behind ${before}, at ${offset}`] : []
  })
}

function misread(log: FinalLog, { consumer, records, error, position }: Reading): string[] {
  if (error !== null) return [`ended: ${consumer}: ${error.message}`]
  const back = records.find(({ offset }, i) => i > 0 && offset <= records[i - 1]!.offset)
  if (back !== undefined) return [`poll back: ${consumer} read ${back.offset} again`]
  const read = new Map(records.map(({ offset, value }) => [offset, value]))
  const unlike = log.records.filter(({ offset, value }) => offset < position() && read.get(offset) !== value)
  return unlike.map(({ offset }) => {
    return read.has(offset)
      ? `read ahead: ${consumer} read something else at ${offset}`
      : `unseen: ${consumer} passed over ${offset}`
  })
}
