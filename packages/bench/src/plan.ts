/** Owns which rows are run: all groups in the order of the table, less what the command line leaves out. */
import type { Generators } from './generators.ts'
import type { Group, Row } from './row.ts'
import { clientGroup } from './rows/client.ts'
import { latencyGroup } from './rows/latency.ts'
import { librdkafkaGroups } from './rows/librdkafka.ts'
import { rawGroup } from './rows/raw.ts'
import { startGroup } from './rows/start.ts'

export interface Selection {
  readonly quick: boolean
  readonly only: RegExp | null
}

export function allGroups(): Group[] {
  return [startGroup(), ...librdkafkaGroups(), rawGroup(), latencyGroup(), clientGroup()]
}

/** Groups without a row left are left out themselves. */
export function selectGroups(groups: readonly Group[], { quick, only }: Selection): Group[] {
  const isWanted = (row: Row): boolean =>
    (!quick || row.quick || only !== null) && (only === null || only.test(row.name))
  return groups
    .map((group) => ({ ...group, rows: group.rows.filter(isWanted) }))
    .filter((group) => group.rows.length > 0)
}

/** Why a row cannot be run here; null where it can. */
export function missingFor(row: Row, generators: Generators): string | null {
  if (row.needs === undefined) return null
  const built = generators[row.needs]
  return 'missing' in built ? built.missing : null
}
