/** Tools that ask about the cluster: kafka-cluster, kafka-features and kafka-broker-api-versions. */
import assert from 'node:assert/strict'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import type { AnyApi } from '@ottla/protocol/codec.ts'
import type { ToolCheck } from './tool-check.ts'
import type { ToolSession } from './tool-session.ts'

export const CLUSTER_CHECKS: readonly ToolCheck[] = [
  { name: 'kafka-cluster', run: cluster },
  { name: 'kafka-features', run: features },
  { name: 'kafka-broker-api-versions', run: apiVersions },
]

async function cluster(session: ToolSession): Promise<void> {
  assert.match(await session.succeed('kafka-cluster', ['cluster-id']), /^Cluster ID: [\w-]{22}$/m)
  const endpoints = await session.succeed('kafka-cluster', ['list-endpoints'])
  const { host, port } = session.address
  assert.match(endpoints, new RegExp(`^1 +${host} +${port} +null +unfenced +broker *$`, 'm'))
}

async function features(session: ToolSession): Promise<void> {
  const said = await session.succeed('kafka-features', ['describe'])
  assert.match(said, /^Feature: metadata\.version\t.*FinalizedVersionLevel: 4\.2-IV1\tEpoch: \d+$/m)
}

async function apiVersions(session: ToolSession): Promise<void> {
  const said = await session.succeed('kafka-broker-api-versions', [])
  const { host, port } = session.address
  assert(said.startsWith(`${host}:${port} (id: 1 rack: null isFenced: false) -> (`), said)
  // Kafka's own client would use the newest version of what it uses most.
  for (const api of [Produce, Fetch]) assert.match(said, usable(api))
}

function usable({ name, key, versions: [, newest] }: AnyApi): RegExp {
  return new RegExp(`^\\t${name}\\(${key}\\): \\d+ to ${newest} \\[usable: ${newest}\\]`, 'm')
}
