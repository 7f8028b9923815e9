/** Owns elections that are asked for: preferred leaders that get their place back, or a leader at any price. */
import { ElectLeaders } from '@ottla/protocol/apis/43-elect-leaders.ts'
import type { ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../client.ts'
import { ADMIN_TIMEOUT_MS, type AdminOptions, ask, errorOf } from './call.ts'

export interface ElectionOutcome {
  readonly topic: string
  readonly partition: number
  /** Null: elected. ELECTION_NOT_NEEDED: it had that leader already. */
  readonly error: ProtocolError | null
}

const ELECTION_TYPES = { preferred: 0, unclean: 1 } as const

/** Of these partitions, or of all that need one. `unclean` takes a leader without all that was acknowledged rather than none. */
export async function electLeaders(
  client: Client,
  election: keyof typeof ELECTION_TYPES,
  options: AdminOptions & { partitions?: readonly { readonly topic: string; readonly partition: number }[] } = {},
): Promise<ElectionOutcome[]> {
  const topicPartitions =
    options.partitions === undefined
      ? null
      : Array.from(
          Map.groupBy(options.partitions, ({ topic }) => topic),
          ([topic, rows]) => ({ topic, partitions: rows.map(({ partition }) => partition) }),
        )
  const electionType = ELECTION_TYPES[election]
  const request = { electionType, topicPartitions, timeoutMs: options.timeoutMs ?? ADMIN_TIMEOUT_MS }
  const answer = await ask(client, { api: ElectLeaders, request, reads: false }, options)
  const refused = errorOf('elect leaders', answer.errorCode)
  if (refused !== null) throw refused
  return answer.replicaElectionResults.flatMap(({ topic, partitionResult }) =>
    partitionResult.map(({ partitionId: partition, errorCode, errorMessage }) => ({
      ...{ topic, partition },
      error: errorOf(`elect a leader of "${topic}-${partition}"`, errorCode, errorMessage),
    })),
  )
}
