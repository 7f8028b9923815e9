import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { DescribeLogDirs } from '@ottla/protocol/apis/35-describe-log-dirs.ts'
import type { AnyApi, RequestInputOf } from '@ottla/protocol/codec.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { decodeResponse } from '@ottla/protocol/frame.ts'
import { allowAll } from '../security/authorizer.ts'
import { minimalRequest } from '../testing/minimal-requests.ts'
import { requestBytes } from '../testing/raw-client.ts'
import { fetchRequest, StillWorld } from '../testing/still-world.ts'
import type { Handled } from './context.ts'
import { type EncodedReply, Requests } from './index.ts'
import { ClientIdentity } from './request-context.ts'
import { type ServedApi, servedApis } from './served.ts'

/** What a broker serves, with handlers that do as the test says. */
function fixture(handle: () => Handled<unknown>) {
  const time = new FakeTime()
  const logger = new MemoryLogger()
  // Handlers are made of parts that are used only when they are called.
  const parts = { config: () => ({ unstableApiVersions: false }) } as unknown as Parameters<typeof servedApis>[0]
  const served: ServedApi[] = servedApis(parts).map((one) => ({ ...one, handle }))
  const requests = new Requests({ served, clock: time, logger })
  const who = { listener: 'PLAINTEXT', address: '10.0.0.1', connectionId: 1, authorizer: allowAll }
  const client = new ClientIdentity(who)
  const dispatch = (request: Buffer) => {
    // The frame lies somewhere inside what was read.
    const buffer = Buffer.concat([Buffer.alloc(3, 0xee), request.subarray(4), Buffer.alloc(3, 0xee)])
    return requests.handle(client, { buffer, start: 3, end: buffer.length - 3 }, 0)
  }
  const call = async <A extends AnyApi>(api: A, version: number, value: RequestInputOf<A>) => {
    const reply = await dispatch(requestBytes(api, version, value)).reply
    return decodeResponse(api, version, bodyOf(reply))
  }
  return { logger, served, requests, client, dispatch, call }
}

function bodyOf(reply: EncodedReply | null): Buffer {
  assert.ok(reply)
  return Buffer.concat(reply.parts).subarray(4)
}

function header(apiKey: number, version: number): Buffer {
  const bytes = Buffer.alloc(15)
  bytes.writeInt32BE(11)
  bytes.writeInt16BE(apiKey, 4)
  bytes.writeInt16BE(version, 6)
  bytes.writeInt32BE(99, 8)
  bytes.writeInt16BE(-1, 12)
  return bytes
}

/** The errors that a reply names, wherever they stand; fields that its version does not carry are read as 0. */
function errorsIn(reply: unknown): Set<number> {
  return new Set(errorCodesIn(reply).filter((code) => code !== 0))
}

function errorCodesIn(value: unknown): number[] {
  if (Array.isArray(value)) return value.flatMap(errorCodesIn)
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'errorCode' ? [inner as number] : errorCodesIn(inner),
  )
}

const never = (): never => {
  throw new Error('out of order')
}

test('a handler that throws is answered with UNKNOWN_SERVER_ERROR in every version of every API, and logged once', async () => {
  for (const late of [false, true]) {
    const { logger, served, call } = fixture(() =>
      late ? { ordered: null, reply: Promise.reject(new Error('late')) } : never(),
    )
    for (const { api, versions } of served) {
      for (let version = versions[0]; version <= versions[1]; version++) {
        logger.lines.length = 0
        const reply = await call(api, version, minimalRequest(api.key, version, { topics: true }))
        // In Kafka too these two versions have no place for an error: the reply is empty.
        const isMute = api === DescribeLogDirs && version < 3
        assert.deepEqual(errorsIn(reply), new Set(isMute ? [] : [-1]), `${api.name} v${version}`)
        assert.deepEqual(
          logger.lines.map(({ level, message }) => [level, message]),
          [['error', `${api.name} failed`]],
        )
      }
    }
  }
})

test('a handler’s protocol error is answered as it is, and told in one line of information', async () => {
  const { logger, served, call } = fixture(() => {
    throw new ProtocolError('NOT_CONTROLLER')
  })
  for (const { api, versions } of served) {
    const reply = await call(api, versions[1], minimalRequest(api.key, versions[1], { topics: true }))
    assert.deepEqual(errorsIn(reply), new Set([errorCode('NOT_CONTROLLER')]), api.name)
    const told = logger.lines.splice(0).map(({ level, message }) => [level, message.startsWith(`Refused ${api.name}`)])
    assert.deepEqual(told, ORDINARY.has(api.name) ? [] : [['info', true]], api.name)
  }
})

/** Their errors are part of how clients work. */
const ORDINARY = new Set([
  ...['Fetch', 'FindCoordinator', 'OffsetCommit', 'OffsetFetch'],
  ...['JoinGroup', 'SyncGroup', 'Heartbeat', 'LeaveGroup', 'ConsumerGroupHeartbeat'],
])

test('failures are counted, per API', async () => {
  const { requests, call } = fixture(never)
  await call(Fetch, 12, fetchRequest())
  const counters = requests.counters.find(({ api }) => api === Fetch)!
  assert.deepEqual([counters.requests.value, counters.failures.value, counters.latencyMs.count], [1, 1, 1])
})

test('what is not served is refused without a reply: keys, and versions on either side of each API’s', () => {
  const { served, dispatch } = fixture(never)
  const keys = new Set(served.map(({ api }) => api.key))
  for (let key = -2; key < 100; key++) {
    if (!keys.has(key)) assert.throws(() => dispatch(header(key, 0)), /is not served/, `key ${key}`)
  }
  for (const { api, versions } of served) {
    if (api === ApiVersions) continue
    for (const version of [versions[0] - 1, versions[1] + 1, -1, 0x7fff]) {
      assert.throws(() => dispatch(header(api.key, version)), /is not served, only/, `${api.name} v${version}`)
    }
  }
})

test('ApiVersions of a version that is not known is answered as version 0, whatever else the request holds', async () => {
  const { dispatch } = fixture(never)
  for (const version of [5, 6, 0x7fff, -1]) {
    for (const rest of [Buffer.alloc(0), Buffer.alloc(40, 0xff)]) {
      const frame = bodyOf(await dispatch(Buffer.concat([header(18, version).subarray(0, 12), rest])).reply)
      assert.equal(frame.readInt32BE(0), 99)
      const reply = decodeResponse(ApiVersions, 0, frame)
      assert.equal(reply.errorCode, errorCode('UNSUPPORTED_VERSION'))
      assert.deepEqual(reply.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
    }
  }
})

test('a frame that ends too early is refused wherever it ends, one with bytes to spare is served', async () => {
  const { dispatch } = fixture(() => ({ ordered: null, reply: { responses: [] } }))
  const whole = requestBytes(Fetch, 12, fetchRequest())
  for (let end = 4; end < whole.length; end++) assert.throws(() => dispatch(whole.subarray(0, end)), `ends at ${end}`)
  assert.ok(await dispatch(Buffer.concat([whole, Buffer.alloc(9, 0xaa)])).reply)
})

test('a null client id is an empty one, and the last one is remembered', async () => {
  const { client, dispatch } = fixture(() => ({ ordered: null, reply: { responses: [] } }))
  await dispatch(requestBytes(Fetch, 12, fetchRequest(), { correlationId: 1, clientId: 'someone' })).reply
  assert.equal(client.clientId, 'someone')
  await dispatch(requestBytes(Fetch, 12, fetchRequest(), { correlationId: 1, clientId: null })).reply
  assert.equal(client.clientId, '')
})

test('a refused request closes its own connection with one line in the log; others go on', async () => {
  await using world = await StillWorld.start()
  const [good, bad] = [await world.connect(), await world.connect()]
  for (const bytes of [
    header(999, 0),
    header(CreateTopics.key, 1),
    requestBytes(Fetch, 12, fetchRequest()).subarray(0, 30),
  ]) {
    const client = bad.ended ? await world.connect() : bad
    const linesBefore = world.logger.lines.length
    bytes.writeInt32BE(bytes.length - 4, 0)
    client.write(bytes)
    assert.equal(await client.frame(), null)
    assert.equal(world.logger.lines.length, linesBefore + 1)
    assert.equal(world.logger.lines.at(-1)!.level, 'warn')
  }
  const reply = await good.ask(ApiVersions, 3, { clientSoftwareName: 'x', clientSoftwareVersion: '1' })
  assert.equal(reply.errorCode, 0)
})
