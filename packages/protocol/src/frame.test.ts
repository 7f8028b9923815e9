import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from './apis/00-produce.ts'
import { Metadata } from './apis/03-metadata.ts'
import { SaslHandshake } from './apis/17-sasl-handshake.ts'
import { ApiVersions } from './apis/18-api-versions.ts'
import { DecodeError, Reader, Writer } from './bytes.ts'
import {
  correlationIdOf,
  decodeRequestBody,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  readRequestHeader,
  requestHeaderVersion,
  responseHeaderVersion,
} from './frame.ts'

const header = { correlationId: 77, clientId: 'client' }

test('header versions follow the flexibility of the body, but ApiVersions answers with version 0', () => {
  assert.deepEqual([requestHeaderVersion(Metadata, 8), requestHeaderVersion(Metadata, 9)], [1, 2])
  assert.deepEqual([responseHeaderVersion(Metadata, 8), responseHeaderVersion(Metadata, 9)], [0, 1])
  assert.deepEqual([requestHeaderVersion(ApiVersions, 2), requestHeaderVersion(ApiVersions, 3)], [1, 2])
  assert.deepEqual([responseHeaderVersion(ApiVersions, 3), responseHeaderVersion(ApiVersions, 4)], [0, 0])
  assert.deepEqual([requestHeaderVersion(SaslHandshake, 1), responseHeaderVersion(SaslHandshake, 1)], [1, 0])
})

test('a request comes back from its frame, in classic and in flexible versions', () => {
  for (const version of [8, 9, 13]) {
    const frame = Buffer.concat(encodeRequest(Metadata, version, header, { topics: [{ name: 'orders' }] }))
    assert.equal(frame.readInt32BE(0), frame.length - 4)
    const reader = new Reader(frame, 4)
    const read = readRequestHeader(reader, () => Metadata.flexible)
    assert.deepEqual(read, { apiKey: 3, apiVersion: version, ...header })
    const body = decodeRequestBody(Metadata, version, reader, { trailing: 'refused' })
    assert.equal(body.topics![0]!.name, 'orders')
  }
})

test('a response comes back from its frame, and tells its correlation id before that', () => {
  for (const [api, version] of [[SaslHandshake, 1]] as const) {
    const frame = Buffer.concat(encodeResponse(api, version, 77, { errorCode: 0, mechanisms: ['PLAIN'] }))
    assert.equal(frame.readInt32BE(0), frame.length - 4)
    assert.equal(correlationIdOf(frame.subarray(4)), 77)
    assert.deepEqual(decodeResponse(api, version, frame.subarray(4)), { errorCode: 0, mechanisms: ['PLAIN'] })
  }
  const frame = Buffer.concat(encodeResponse(Produce, 9, 5, { responses: [] }))
  assert.equal(frame.toString('hex'), '0000000b' + '00000005' + '00' + '01' + '00000000' + '00')
  assert.deepEqual(decodeResponse(Produce, 9, frame.subarray(4)).responses, [])
})

test('records of a request leave as the very buffers that were given', () => {
  const records = Buffer.alloc(5000, 1)
  const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }]
  const parts = encodeRequest(Produce, 9, header, { acks: -1, timeoutMs: 1, topicData })
  assert.ok(parts.includes(records))
  assert.equal(parts[0]!.readInt32BE(0), Buffer.concat(parts).length - 4)
})

test('frames of one writer do not disturb each other', () => {
  const writer = new Writer()
  const first = encodeResponse(Produce, 9, 1, { responses: [] }, writer)
  const second = encodeResponse(Produce, 9, 2, { responses: [] }, writer)
  assert.equal(correlationIdOf(Buffer.concat(first).subarray(4)), 1)
  assert.equal(correlationIdOf(Buffer.concat(second).subarray(4)), 2)
})

test('a client id of null is read as the empty one', () => {
  const frame = Buffer.concat(
    encodeRequest(SaslHandshake, 1, { correlationId: 1, clientId: null }, { mechanism: 'PLAIN' }),
  )
  assert.equal(readRequestHeader(new Reader(frame, 4), () => SaslHandshake.flexible).clientId, '')
})

test('a key that is not served is a DecodeError', () => {
  const frame = Buffer.concat(encodeRequest(SaslHandshake, 1, header, { mechanism: 'PLAIN' }))
  assert.throws(() => readRequestHeader(new Reader(frame, 4), () => undefined), DecodeError)
})

test('bytes behind a request are let pass unless they are refused; behind a response they never are', () => {
  const request = Buffer.concat([...encodeRequest(SaslHandshake, 1, header, { mechanism: 'PLAIN' }), Buffer.from([1])])
  for (const trailing of ['accepted', 'refused'] as const) {
    const reader = new Reader(request, 4)
    readRequestHeader(reader, () => SaslHandshake.flexible)
    const read = () => decodeRequestBody(SaslHandshake, 1, reader, { trailing })
    if (trailing === 'accepted') assert.equal(read().mechanism, 'PLAIN')
    else assert.throws(read, DecodeError)
  }
  const response = Buffer.concat([
    ...encodeResponse(SaslHandshake, 1, 1, { errorCode: 0, mechanisms: [] }),
    Buffer.from([1]),
  ])
  assert.throws(() => decodeResponse(SaslHandshake, 1, response.subarray(4)), DecodeError)
})
