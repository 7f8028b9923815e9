import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { catalogue } from '@ottla/protocol/apis/index.ts'
import type { AnyApi, RequestInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { decodeResponse, encodeRequest } from '@ottla/protocol/frame.ts'
import { batchBaseOffset, batchesIn } from '@ottla/protocol/records/batch.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { Broker } from './broker.ts'

/** One connection that sends requests of any version and hands back what came, or null where the broker hung up. */
class RawClient {
  readonly #socket: Socket
  #bytes = Buffer.alloc(0)
  #wake: (() => void) | null = null
  #ended = false

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.on('data', (data) => {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.from(data)])
      this.#wake?.()
    })
    const end = () => {
      this.#ended = true
      this.#wake?.()
    }
    this.#socket.on('close', end).on('error', end)
  }

  async call<A extends AnyApi>(api: A, version: number, value: RequestInputOf<A>): Promise<ResponseOf<A> | null> {
    const parts = encodeRequest(api, version, { correlationId: 7, clientId: 'test' }, value)
    this.#socket.write(Buffer.concat(parts))
    const frame = await this.frame()
    return frame && decodeResponse(api, version, frame)
  }

  async frame(): Promise<Buffer | null> {
    for (;;) {
      const size = this.#bytes.length >= 4 ? this.#bytes.readInt32BE(0) : Infinity
      if (this.#bytes.length >= 4 + size) {
        const frame = this.#bytes.subarray(4, 4 + size)
        this.#bytes = this.#bytes.subarray(4 + size)
        return frame
      }
      if (this.#ended) return null
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}

test('every advertised version of every API answers a request of nothing but defaults', async () => {
  await using broker = await Broker.start({ storage: 'memory', port: 0 })
  using client = new RawClient(broker.port)
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
  using client = new RawClient(broker.port)
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

function minimalRequest(key: number, version: number): Record<string, unknown> {
  const topic = { name: 't', topic: 't' }
  switch (key) {
    case 0:
      return { acks: -1, timeoutMs: 1000, topicData: [] }
    case 1:
      return { maxWaitMs: 0, minBytes: 0, topics: [] }
    case 2:
      return { replicaId: -1, topics: [{ ...topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }
    case 3:
      return version === 0 ? { topics: [] } : { topics: null }
    case 10:
      return version < 4 ? { key: 'g' } : { coordinatorKeys: ['g'] }
    case 18:
      return { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
    case 19:
      return {
        topics: [{ name: 't', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }],
        timeoutMs: 1000,
      }
    case 20:
      return {
        timeoutMs: 1000,
        ...(version < 6 ? { topicNames: ['none'] } : { topics: [{ name: 'none', topicId: ZERO_UUID }] }),
      }
    case 21:
      return { timeoutMs: 1000, topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: -1 }] }] }
    case 22:
      return { transactionalId: null, transactionTimeoutMs: 1000 }
    case 23:
      return { topics: [{ topic: 't', partitions: [{ partition: 0, leaderEpoch: 0 }] }] }
    case 32:
      return { resources: [{ resourceType: 2, resourceName: 't', configurationKeys: null }] }
    case 33:
      return { resources: [{ resourceType: 2, resourceName: 't', configs: [] }], validateOnly: true }
    case 44:
      return { resources: [{ resourceType: 2, resourceName: 't', configs: [] }], validateOnly: true }
    case 35:
      return { topics: null }
    case 37:
      return { topics: [{ name: 't', count: 3, assignments: null }], timeoutMs: 1000, validateOnly: true }
    case 60:
      return { includeClusterAuthorizedOperations: true }
    case 75:
      return { topics: [{ name: 't' }], responsePartitionLimit: 100 }
    default:
      throw new Error(`No request for API ${key}`)
  }
}
