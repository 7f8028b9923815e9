/** When all have stopped: what is on the disks, held against what clients were told and what they have read. */
import { checkBounded } from './checkers/bounded.ts'
import { checkCompacted } from './checkers/compacted.ts'
import { checkConsumed, checkProduced, checkSeen } from './checkers/history.ts'
import { difference, recordsIn, replicaLog } from './checkers/replica-logs.ts'
import type { SimulatedCluster } from './cluster.ts'
import { BOUNDED, BOUNDED_PLACE, COMPACTED, COMPACTED_PLACE, MIXED_PLACE, STRICT_PLACES } from './topics.ts'
import type { ProduceAndRead } from './workloads/produce-and-read.ts'
import { type FinalLog, isAt, nameOf, type Place } from './workloads/workload.ts'

export interface Told {
  readonly workload: ProduceAndRead
  /** Of the bounded topic: the first offsets of its replicas, by broker, and what was said to be deleted. */
  readonly startOffsets: ReadonlyMap<number, number>
  readonly deletedTo: number
}

export function finalChecks(cluster: SimulatedCluster, told: Told): string[] {
  return [
    ...[...STRICT_PLACES, MIXED_PLACE].flatMap((place) => wholeLog(cluster, place, told.workload)),
    ...cluster.ids.flatMap((id) => compactedLog(cluster, id, told)),
    ...cluster.ids.flatMap((id) => boundedLog(cluster, id, told)),
  ]
}

/** As the first broker has it. */
export function finalLog(cluster: SimulatedCluster, place: Place): FinalLog {
  return logOn(cluster, cluster.ids[0]!, place).log
}

function logOn(cluster: SimulatedCluster, id: number, place: Place): { log: FinalLog; wrong: string[] } {
  const isWhole = place.topic !== COMPACTED && place.topic !== BOUNDED
  const { records, wrong } = recordsIn(replicaLog(cluster.disk(id), id, place), { ...place, isWhole })
  return { log: { ...place, records }, wrong: wrong === null ? [] : [`damaged: ${nameOf(place)} on ${id}: ${wrong}`] }
}

function wholeLog(cluster: SimulatedCluster, place: Place, { sent, readings }: ProduceAndRead): string[] {
  const logs = cluster.ids.map((id) => replicaLog(cluster.disk(id), id, place))
  const differences = logs.slice(1).flatMap((other) => {
    const different = difference(logs[0]!, other)
    return different === null ? [] : [`diverged: ${nameOf(place)}: ${different}`]
  })
  const { log, wrong } = logOn(cluster, cluster.ids[0]!, place)
  const check = place.topic === MIXED_PLACE.topic ? checkSeen : checkConsumed
  const read = readings.filter(isAt(place)).flatMap((reading) => check(log, reading, sent))
  return [...differences, ...wrong, ...checkProduced(log, sent), ...read]
}

function compactedLog(cluster: SimulatedCluster, id: number, { workload }: Told): string[] {
  const { log, wrong } = logOn(cluster, id, COMPACTED_PLACE)
  return [...wrong, ...checkCompacted(log, workload).map((text) => `${text} on ${id}`)]
}

function boundedLog(cluster: SimulatedCluster, id: number, { workload, startOffsets, deletedTo }: Told): string[] {
  const { log, wrong } = logOn(cluster, id, BOUNDED_PLACE)
  // Retention may have gone on from the moment at which all was at rest until its broker had stopped.
  const startOffset = Math.max(startOffsets.get(id) ?? 0, log.records[0]?.offset ?? 0)
  const bounds = { startOffset, deletedTo }
  return [...wrong, ...checkBounded(log, bounds, workload).map((text) => `${text} on ${id}`)]
}
