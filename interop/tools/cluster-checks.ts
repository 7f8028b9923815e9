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
  { name: 'kafka-features: a feature goes down and up again', run: changedFeatures },
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

async function changedFeatures(session: ToolSession): Promise<void> {
  const group = async (level: number): Promise<void> => {
    const said = await session.succeed('kafka-features', ['describe'])
    assert.match(said, new RegExp(`^Feature: group\\.version\\t.*FinalizedVersionLevel: ${level}\\tEpoch: \\d+$`, 'm'))
  }
  const down = ['downgrade', '--feature', 'group.version=0']
  await session.succeed('kafka-features', [...down, '--dry-run'])
  await group(1)
  assert.match(await session.succeed('kafka-features', down), /^group\.version was downgraded to 0\.$/m)
  await group(0)
  const up = await session.succeed('kafka-features', ['upgrade', '--feature', 'group.version=1'])
  assert.match(up, /^group\.version was upgraded to 1\.$/m)
  await group(1)
  const beyond = await session.refused('kafka-features', ['upgrade', '--feature', 'group.version=2'])
  assert.match(beyond, /group\.version to level 2: the supported levels are 0 to 1/)
  // Of a release the tool names all features, those of parts that are not there too.
  const release = await session.refused('kafka-features', ['upgrade', '--release-version', '4.2'])
  assert.match(release, /Cannot set feature [\w.]+ to level \d: the feature is not supported/)
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
