import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { catalogue } from '@ottla/protocol/apis/index.ts'
import type { AnyApi } from '@ottla/protocol/codec.ts'
import { batchBaseOffset, batchesIn } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { Broker } from './broker.ts'
import { minimalRequest } from './testing/minimal-requests.ts'
import { RawClient } from './testing/raw-client.ts'

test('every advertised version of every API answers a request of nothing but defaults', async () => {
  await using broker = await Broker.start({ storage: 'memory', port: 0 })
  using client = await RawClient.connect(broker.port)
  const advertised = await client.call(ApiVersions, 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })
  assert.ok(advertised && advertised.apiKeys.length >= 18)
  for (const { apiKey, minVersion, maxVersion } of advertised.apiKeys) {
    const api = await loadApi(apiKey)
    const first = apiKey === Produce.key ? 3 : minVersion
    for (let version = first; version <= maxVersion; version++) {
      const reply = await client.call(api, version, minimalRequest(apiKey, version))
      assert.notEqual(reply, null, `${api.name} v${version}`)
    }
  }
})

test('records produced in any version come back in every version of Fetch, by name and by id', async () => {
  await using broker = await Broker.start({ storage: 'memory', port: 0, settings: { 'num.partitions': '1' } })
  using client = await RawClient.connect(broker.port)
  const created = await client.call(Metadata, 12, { topics: [{ topicId: ZERO_UUID, name: 't' }] })
  const topicId = created!.topics[0]!.topicId
  const builder = new BatchBuilder()
  builder.append({ timestampMs: 1, key: 'k', value: 'v' })
  const batch = builder.build()
  let produced = 0
  for (let version = 3; version <= 13; version++) {
    for (const acks of [1, -1]) {
      const topic = version >= 13 ? { topicId } : { name: 't', topicId: ZERO_UUID }
      const partitionData = [{ index: 0, records: batch }]
      const reply = await client.call(Produce, version, {
        acks,
        timeoutMs: 5000,
        topicData: [{ ...topic, partitionData }],
      })
      const partition = reply!.responses[0]!.partitionResponses[0]!
      assert.deepEqual([partition.errorCode, partition.baseOffset], [0, produced++], `Produce v${version} acks ${acks}`)
    }
  }
  for (let version = 4; version <= 18; version++) {
    const topic = version >= 13 ? { topicId } : { topic: 't', topicId: ZERO_UUID }
    const partitions = [{ partition: 0, fetchOffset: 3, partitionMaxBytes: 1_000_000 }]
    const request = { maxWaitMs: 1000, minBytes: 1, isolationLevel: version % 2, topics: [{ ...topic, partitions }] }
    const reply = await client.call(Fetch, version, request)
    const partition = reply!.responses[0]!.partitions[0]!
    assert.deepEqual([partition.errorCode, partition.highWatermark], [0, produced], `Fetch v${version}`)
    const offsets = [...batchesIn(partition.records!)].map((one) => batchBaseOffset(one, 0))
    assert.deepEqual(
      offsets,
      Array.from({ length: produced - 3 }, (_, i) => i + 3),
      `Fetch v${version}`,
    )
  }
})

async function loadApi(key: number): Promise<AnyApi> {
  return catalogue.get(key)!.load()
}
