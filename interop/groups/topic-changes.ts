/** Owns the changes of topics that groups have to follow, beside their making. Each throws where the broker refuses. */
import assert from 'node:assert/strict'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import { CreatePartitions } from '@ottla/protocol/apis/37-create-partitions.ts'
import { errorName } from '@ottla/protocol/errors.ts'

const TIMEOUT_MS = 30_000
/** From here on a deletion names topics another way. */
const NAMED_TOPICS_MAX = 5

/** `count` is how many there are then. */
export async function addPartitions(
  connection: BrokerConnection,
  topic: { name: string; count: number },
): Promise<void> {
  const request = { topics: [{ ...topic, assignments: null }], timeoutMs: TIMEOUT_MS, validateOnly: false }
  const { results } = await connection.request(CreatePartitions, request)
  assert.equal(errorName(results[0]!.errorCode), 'NONE')
}

export async function deleteTopic(connection: BrokerConnection, name: string): Promise<void> {
  const request = { topicNames: [name], timeoutMs: TIMEOUT_MS }
  const { responses } = await connection.request(DeleteTopics, request, { versionMax: NAMED_TOPICS_MAX })
  assert.equal(errorName(responses[0]!.errorCode), 'NONE')
}
