/** Owns which rows are run: all groups in the order of the table, less what the command line leaves out. */
import type { Generators } from './generators.ts'
import type { Group, Row, Surroundings } from './row.ts'
import { rowTitle } from './row-title.ts'
import { clientGroup } from './rows/client.ts'
import { connectionsGroup } from './rows/connections.ts'
import { groupsGroup } from './rows/groups.ts'
import { historyGroup } from './rows/history.ts'
import { latencyGroup } from './rows/latency.ts'
import { librdkafkaGroups } from './rows/librdkafka.ts'
import { producerPerfGroup } from './rows/producer-perf.ts'
import { rawGroup } from './rows/raw.ts'
import { replicatedGroup } from './rows/replicated.ts'
import { startGroup } from './rows/start.ts'
import { tailGroup } from './rows/tail.ts'

export interface Selection {
  readonly quick: boolean
  readonly only: RegExp | null
}

const WARM_UP = new Set([
  'librdkafka produce 100 B, acks=1, 6 partitions (cached)',
  'librdkafka produce 100 B, acks=all, 1 partition (synced)',
  'librdkafka consume 100 B, 1 partition (cached)',
  'librdkafka produce 1 KB, acks=all, 6 partitions (cached)',
  'raw produce of 1 record of 100 B, acks=1, 8 connections × 5 (cached)',
  'latency of 1 KB at 1000/s, acks=all (synced)',
])

export interface Sizes {
  /** Of the history that is read, in a full run; as much as the table has by itself when null. */
  readonly historyGigabytes: number | null
}

const HISTORY_GIGABYTES = 10

export function allGroups({ historyGigabytes }: Sizes = { historyGigabytes: null }): Group[] {
  return [
    startGroup(),
    ...librdkafkaGroups(),
    producerPerfGroup(),
    rawGroup(),
    connectionsGroup(),
    latencyGroup(),
    tailGroup(),
    historyGroup({ gigabytes: historyGigabytes ?? HISTORY_GIGABYTES }),
    clientGroup(),
    groupsGroup(),
    replicatedGroup(),
  ]
}

/** Groups without a row left are left out themselves. */
export function selectGroups(groups: readonly Group[], { quick, only }: Selection): Group[] {
  const isWanted = (row: Row): boolean =>
    (!quick || row.quick || only !== null) && (only === null || only.test(rowTitle(row)))
  return groups
    .filter(({ isByName = false }) => !isByName || only !== null)
    .map((group) => ({ ...group, rows: group.rows.filter(isWanted) }))
    .filter((group) => group.rows.length > 0)
}

/**
 * What a fresh broker is loaded with until it is warm: rows of every kind, small and large batches, written and read,
 * with and without syncs.
 */
export function warmUpRows(groups: readonly Group[]): Row[] {
  return groups.flatMap(({ rows }) => rows.filter((row) => WARM_UP.has(rowTitle(row))))
}

/** Why a row cannot be run here; null where it can. */
export function obstacleFor(row: Row, surroundings: Surroundings): string | null {
  return missingFor(row, surroundings.generators) ?? row.obstacle?.(surroundings) ?? null
}

/** Why the row's generator is not there; null where it is. */
export function missingFor(row: Row, generators: Generators): string | null {
  if (row.needs === undefined) return null
  const built = generators[row.needs]
  return 'missing' in built ? built.missing : null
}
