import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { catalogue } from '@ottla/protocol/apis/index.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { SUPPORTED_FEATURES } from '../metadata/features.ts'
import { type Settings, StillWorld } from '../testing/still-world.ts'

const HELLO = { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' }

async function open(settings: Settings = {}) {
  const world = await StillWorld.start({ settings })
  return { world, client: await world.connect(), [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
}

test('every version tells the same APIs, Produce from 0 on for the sake of old librdkafka', async () => {
  await using opened = await open()
  for (let version = 0; version <= 4; version++) {
    const reply = await opened.client.ask(ApiVersions, version, version >= 3 ? HELLO : {})
    assert.equal(reply.errorCode, 0)
    const told = new Map(reply.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]]))
    assert.deepEqual(told.get(0), [0, 13])
    assert.deepEqual(told.get(1), [4, 18])
    assert.deepEqual(told.get(18), [0, 4])
    for (const removed of [4, 5, 6, 7, 71, 72]) assert.equal(told.has(removed), false)
  }
})

test('a version that is not stable is told and served only where the operator says so', async () => {
  const unstable: number[] = []
  for (const [key, entry] of catalogue) if ((await entry.load()).unstableLast) unstable.push(key)
  const told = async (settings: Settings) => {
    await using opened = await open(settings)
    const { apiKeys } = await opened.client.ask(ApiVersions, 4, HELLO)
    return new Map(apiKeys.map(({ apiKey, maxVersion }) => [apiKey, maxVersion]))
  }
  const [stable, all] = [await told({}), await told({ 'unstable.api.versions.enable': 'true' })]
  for (const [key, maxVersion] of all) {
    assert.equal(stable.get(key), unstable.includes(key) ? maxVersion - 1 : maxVersion, `API ${key}`)
  }
  assert.ok([...all.keys()].some((key) => unstable.includes(key)))
})

test('a bad name or version of the client’s software is an invalid request', async () => {
  await using opened = await open()
  const good = ['a', 'a-b.c', '9', 'librdkafka', 'apache-kafka-java']
  const bad = ['', '-a', 'a-', '.a', 'a b', 'a_b', 'ä', 'a/b']
  for (const name of [...good, ...bad]) {
    const expected = good.includes(name) ? 'NONE' : 'INVALID_REQUEST'
    const asName = await opened.client.ask(ApiVersions, 3, { ...HELLO, clientSoftwareName: name })
    const asVersion = await opened.client.ask(ApiVersions, 4, { ...HELLO, clientSoftwareVersion: name })
    assert.deepEqual(
      [asName, asVersion].map(({ errorCode }) => errorName(errorCode)),
      [expected, expected],
      `"${name}"`,
    )
    if (expected !== 'NONE') assert.deepEqual(asName.apiKeys, [])
  }
})

test('features are told as they are supported and finalized, those of a lowest level 0 from version 4 on', async () => {
  await using opened = await open()
  for (let version = 0; version <= 4; version++) {
    const reply = await opened.client.ask(ApiVersions, version, version >= 3 ? HELLO : {})
    const expected = SUPPORTED_FEATURES.filter(({ minVersion }) => version >= 4 || (version === 3 && minVersion > 0))
    assert.deepEqual(
      reply.supportedFeatures.map(({ name, minVersion, maxVersion }) => [name, minVersion, maxVersion]),
      expected.map(({ name, minVersion, maxVersion }) => [name, minVersion, maxVersion]),
    )
    assert.ok(reply.finalizedFeatures.every(({ maxVersionLevel }) => maxVersionLevel > 0))
    assert.equal(
      reply.finalizedFeatures.some(({ name }) => name === 'metadata.version'),
      version >= 3,
    )
    assert.equal(reply.zkMigrationReady, false)
  }
})

test('a client of a later time is told what it may speak, and goes on', async () => {
  await using opened = await open()
  const request = Buffer.from('0000000c0012006300000007ffff0000', 'hex')
  opened.client.write(request)
  const reply = await opened.client.receive(ApiVersions, 0)
  assert.equal(errorName(reply!.errorCode), 'UNSUPPORTED_VERSION')
  assert.deepEqual(reply!.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
  assert.equal((await opened.client.ask(ApiVersions, 4, HELLO)).errorCode, 0)
})
