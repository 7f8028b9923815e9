/**
 * What clients were told, held against the log that is left: nothing acknowledged is lost, moved, doubled or out of its
 * producer's order, and consumers have read exactly it, without a gap. Pure.
 */
import type { Reading, Sent } from '../workloads/produce-and-read.ts'
import type { FinalLog } from '../workloads/workload.ts'

/** In words, at most so many of a kind. */
const TOLD_MAX = 3

export function checkProduced(log: FinalLog, sent: readonly Sent[]): string[] {
  const byValue = new Map<string, number[]>()
  for (const { offset, value } of log.records) byValue.set(value, [...(byValue.get(value) ?? []), offset])
  const here = sent.filter(({ topic, partition }) => topic === log.topic && partition === log.partition)
  const place = `${log.topic}-${log.partition}`
  const anomalies = here
    .filter(({ acks }) => acks === 'all')
    .flatMap((one) => {
      const name = `"${one.value.slice(0, 20).trimEnd()}" of ${place}`
      const offsets = byValue.get(one.value) ?? []
      if (offsets.length > 1) return [`duplicate: ${name} is at ${offsets.join(' and ')}`]
      if (one.offset === null) return []
      if (offsets.length === 0) return [`lost: ${name} was acknowledged at ${one.offset} and is gone`]
      return offsets[0] === one.offset ? [] : [`moved: ${name} was acknowledged at ${one.offset}, is at ${offsets[0]}`]
    })
  return [...anomalies.slice(0, TOLD_MAX), ...unknown(log, here), ...reordered(log, here)]
}

/** Records that nobody has sent. */
function unknown({ topic, partition, records }: FinalLog, sent: readonly Sent[]): string[] {
  const values = new Set(sent.map(({ value }) => value))
  const found = records.filter(({ value }) => !values.has(value))
  return found.slice(0, TOLD_MAX).map(({ offset }) => `unknown: nobody sent ${topic}-${partition} at ${offset}`)
}

function reordered({ topic, partition, records }: FinalLog, sent: readonly Sent[]): string[] {
  const byValue = new Map(sent.filter(({ acks }) => acks === 'all').map((one) => [one.value, one]))
  const last = new Map<string, number>()
  for (const { offset, value } of records) {
    const one = byValue.get(value)
    if (one === undefined) continue
    const before = last.get(one.producer) ?? -1
    if (one.number < before) {
      return [`reordered: ${topic}-${partition} has ${one.producer} ${one.number} behind ${before}, at ${offset}`]
    }
    last.set(one.producer, one.number)
  }
  return []
}

/** A reader's offsets rise by one, what it has read is what is left, and it has read all of that. */
export function checkConsumed(log: FinalLog, reading: Reading): string[] {
  const name = `${reading.consumer} of ${log.topic}-${log.partition}`
  if (reading.error !== null) return [`ended: ${name}: ${reading.error.message}`]
  const skip = reading.records.findIndex(({ offset }, i) => offset !== i)
  if (skip >= 0) return [`skip: ${name} read ${reading.records[skip]!.offset} where ${skip} was next`]
  const wrong = reading.records.findIndex(({ value }, i) => log.records[i]?.value !== value)
  if (wrong >= 0) return [`read ahead: ${name} read at ${wrong} what is not there in the final log`]
  if (reading.records.length < log.records.length) {
    return [`unread: ${name} has read ${reading.records.length} of ${log.records.length} records`]
  }
  return []
}

/**
 * Among records that one replica alone has acknowledged, which may go: what all had to acknowledge, and a reader has
 * seen, is where it was seen.
 */
export function checkSeen(log: FinalLog, reading: Reading, sent: readonly Sent[]): string[] {
  const name = `${reading.consumer} of ${log.topic}-${log.partition}`
  const values = new Map(log.records.map(({ offset, value }) => [offset, value]))
  const here = sent.filter(({ topic, partition }) => topic === log.topic && partition === log.partition)
  const safe = new Set(here.filter(({ acks }) => acks === 'all').map(({ value }) => value))
  const gone = reading.records.filter(({ offset, value }) => safe.has(value) && values.get(offset) !== value)
  return gone.slice(0, TOLD_MAX).map(({ offset }) => `read ahead: ${name} read at ${offset} what is not there any more`)
}
