/**
 * Bad input to a broker in its own process: each kind is answered with Kafka's error or by closing the connection, says
 * one line in the log, and leaves another client's connection alone.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { catalogue } from '@ottla/protocol/apis/index.ts'
import { type ErrorName, errorName } from '@ottla/protocol/errors.ts'
import { decodeResponse, encodeRequest } from '@ottla/protocol/frame.ts'
import * as bad from './bad-batches.ts'
import { BesiegedBroker } from './besieged-broker.ts'
import { batchOf, connect, endOffset, produce } from './cluster.ts'
import { RawConnection } from './raw-connection.ts'
import { framed, HEADER, halved, headerBytes, int32 } from './raw-frames.ts'

/** Kafka's default of socket.request.max.bytes. */
const FRAME_BYTES_MAX = 104_857_600

let besieged: BesiegedBroker

before(async () => {
  besieged = await BesiegedBroker.start()
  await besieged.createTopic()
})

after(async () => {
  await besieged[Symbol.asyncDispose]()
})

const CLOSING: Readonly<Record<string, Buffer>> = {
  'a garbage frame': framed(Buffer.from('GET / HTTP/1.1\r\nHost: kafka\r\n\r\n')),
  'another protocol': Buffer.from('GET / HTTP/1.1\r\nHost: kafka\r\n\r\n'),
  'a frame of random bytes': framed(Buffer.from('f3b1a7c09d5e2244887766aa01ff', 'hex')),
  'an empty frame': int32(0),
  'an oversized frame': int32(FRAME_BYTES_MAX + 1),
  'the largest size': int32(0x7fff_ffff),
  'a negative size': int32(-1),
  'an unknown API': framed(headerBytes({ key: 999, version: 0 })),
  'a negative API key': framed(headerBytes({ key: -1, version: 0 })),
  'a request of a header alone': framed(headerBytes({ key: Metadata.key, version: 1 })),
  'a count that no frame can hold': framed(
    Buffer.concat([headerBytes({ key: Metadata.key, version: 1 }), int32(0x7fff_ffff)]),
  ),
  'a truncated Metadata request': halved(encodeRequest(Metadata, 13, HEADER, { topics: [{ name: 'some-topic' }] })),
  'a truncated CreateTopics request': halved(encodeRequest(CreateTopics, 7, HEADER, newTopic('some-topic'))),
}

for (const [kind, bytes] of Object.entries(CLOSING)) {
  test(`${kind} closes the connection, with one line in the log`, async () => {
    await besieged.closesOn(bytes)
    await besieged.servesBystander()
    await besieged.saidOneLine()
  })
}

const REFUSED: Readonly<Record<string, readonly [ErrorName, () => Promise<ErrorName>]>> = {
  'a wrong checksum': ['CORRUPT_MESSAGE', () => produced(bad.wrongCrc())],
  'a broken record': ['INVALID_RECORD', () => produced(bad.brokenRecord())],
  'a wrong count of records': ['INVALID_RECORD', () => produced(bad.wrongCount())],
  'a batch without records': ['INVALID_RECORD', () => produced(bad.noRecords())],
  'broken compression': ['INVALID_RECORD', () => produced(bad.brokenCompression())],
  'a control batch': ['INVALID_RECORD', () => produced(bad.controlBatch())],
  'a batch of magic 0': ['INVALID_RECORD', () => produced(bad.oldMagic(0))],
  'a batch of magic 1': ['INVALID_RECORD', () => produced(bad.oldMagic(1))],
  'two batches in one': ['INVALID_RECORD', () => produced(bad.twoBatches())],
  'bytes that are no batch': ['INVALID_RECORD', () => produced(Buffer.from('this is no batch'))],
  'a batch that is too large': ['MESSAGE_TOO_LARGE', () => produced(bad.tooLarge())],
  'an unknown topic': ['UNKNOWN_TOPIC_OR_PARTITION', () => produced(batchOf(['value']), 'nowhere')],
  'an unknown topic in Metadata': ['UNKNOWN_TOPIC_OR_PARTITION', () => described('nowhere')],
  'a bad name in Metadata': ['INVALID_TOPIC_EXCEPTION', () => described('no/such name')],
  'a bad name in CreateTopics': ['INVALID_TOPIC_EXCEPTION', () => created('no/such name')],
  'a name of dots': ['INVALID_TOPIC_EXCEPTION', () => created('..')],
  'a name of 250 characters': ['INVALID_TOPIC_EXCEPTION', () => created('n'.repeat(250))],
}

for (const [kind, [error, provoke]] of Object.entries(REFUSED)) {
  test(`${kind} is answered ${error}, with one line in the log`, async () => {
    const { bystander, topic } = besieged
    const endBefore = await endOffset(bystander, topic)
    assert.equal(await provoke(), error)
    assert.equal(await endOffset(bystander, topic), endBefore, 'Nothing was written')
    await besieged.servesBystander()
    await besieged.saidOneLine()
  })
}

test('a bad batch sent with acks=0 closes the connection, with one line in the log', async () => {
  await using client = await connect(besieged.broker)
  void produce(client, { topic: besieged.topic, acks: 0 }, bad.wrongCrc()).catch(() => {})
  await client.closed
  await besieged.servesBystander()
  await besieged.saidOneLine()
})

test('a client that goes away in the middle of a frame is forgotten', async () => {
  const client = await RawConnection.open(besieged.broker)
  client.write(Buffer.concat([int32(1_000_000), Buffer.alloc(500_000)]))
  client.end()
  await client.closed
  await besieged.servesBystander()
  assert.deepEqual(await besieged.newLogLines(), [])
})

test('no API answers in a version that it does not advertise', async (context) => {
  const { apiKeys } = await besieged.bystander.request(ApiVersions, {}, { versionMax: 2 })
  const lastVersions = new Map(apiKeys.map(({ apiKey, maxVersion }) => [apiKey, maxVersion]))
  let count = 0
  for (const [key, entry] of catalogue) {
    const { versions } = await entry.load()
    for (const version of refusedVersions(versions, lastVersions.get(key))) {
      if (key === ApiVersions.key) continue
      await besieged.closesOn(framed(headerBytes({ key, version })))
      const lines = await besieged.newLogLines()
      assert.equal(lines.length, 1, `${entry.name} version ${version} says one line:\n${lines.join('\n')}`)
      count++
    }
  }
  await besieged.servesBystander()
  context.diagnostic(`${count} requests of ${catalogue.size} APIs, ${lastVersions.size} of them served`)
})

test('ApiVersions of an unknown version is answered in version 0 with what there is', async () => {
  const frame = await besieged.answerTo(framed(headerBytes({ key: ApiVersions.key, version: 99 })))
  assert(frame !== null)
  const { errorCode, apiKeys } = decodeResponse(ApiVersions, 0, frame)
  assert.equal(errorName(errorCode), 'UNSUPPORTED_VERSION')
  assert.deepEqual(apiKeys, [{ apiKey: ApiVersions.key, minVersion: 0, maxVersion: 4 }])
})

/** Of an API that is served: just below and above. Of any other: the first and the last that Kafka has. */
function refusedVersions([first, last]: readonly [number, number], advertisedLast: number | undefined): number[] {
  if (advertisedLast === undefined) return [first, last]
  return [first - 1, advertisedLast + 1].filter((version) => version >= 0)
}

async function produced(records: Buffer, topic = besieged.topic): Promise<ErrorName> {
  await using client = await connect(besieged.broker)
  return (await produce(client, { topic }, records)).error
}

async function described(name: string): Promise<ErrorName> {
  await using client = await connect(besieged.broker)
  const { topics } = await client.request(Metadata, { topics: [{ name }], allowAutoTopicCreation: false })
  return errorName(topics[0]!.errorCode)
}

async function created(name: string): Promise<ErrorName> {
  await using client = await connect(besieged.broker)
  const { topics } = await client.request(CreateTopics, newTopic(name))
  return errorName(topics[0]!.errorCode)
}

function newTopic(name: string) {
  return { topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }] }
}
