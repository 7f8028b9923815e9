import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { Reader } from '@ottla/protocol/bytes.ts'
import { decodeRequestBody, decodeResponse, encodeResponse, readRequestHeader } from '@ottla/protocol/frame.ts'
import { readRecords } from '@ottla/protocol/records/record.ts'
import { fetchErrorAt, fetchFrame, fetchOffsetAt, fetchRecordsAt, produceErrorAt, produceFrame } from './frames.ts'

const topic = 'bench-7'
const PREFIX_BYTES = 4

function headerOf(frame: Buffer) {
  assert.equal(frame.readInt32BE(0), frame.length - PREFIX_BYTES)
  const reader = new Reader(frame.subarray(PREFIX_BYTES))
  return { reader, header: readRequestHeader(reader, () => Number.POSITIVE_INFINITY) }
}

test('a produce frame holds one batch of the records that were asked for', () => {
  const frame = produceFrame({
    topic,
    partition: 3,
    acks: -1,
    recordCount: 5,
    valueBytes: 100,
    timestampMs: 1_700_000_000_000,
  })
  const { reader, header } = headerOf(frame)
  const request = decodeRequestBody(Produce, header.apiVersion, reader, { trailing: 'refused' })
  assert.equal(request.acks, -1)
  assert.equal(request.topicData[0]!.name, topic)
  assert.equal(request.topicData[0]!.partitionData[0]!.index, 3)
  const records = [...readRecords(request.topicData[0]!.partitionData[0]!.records!)]
  assert.deepEqual(
    records.map((record) => record.value!.length),
    [100, 100, 100, 100, 100],
  )
  assert.equal(records[0]!.timestamp, 1_700_000_000_000)
})

test('the error code of a produce response is where it is said to be', () => {
  const { header } = headerOf(
    produceFrame({ topic, partition: 0, acks: 1, recordCount: 1, valueBytes: 1, timestampMs: 0 }),
  )
  const responses = [{ name: topic, partitionResponses: [{ index: 0, errorCode: 0, baseOffset: 7 }] }]
  const frame = Buffer.concat(encodeResponse(Produce, header.apiVersion, 1, { responses }))
  frame.writeInt16BE(3, produceErrorAt(topic))
  const decoded = decodeResponse(Produce, header.apiVersion, frame.subarray(PREFIX_BYTES))
  assert.equal(decoded.responses[0]!.partitionResponses[0]!.errorCode, 3)
  assert.equal(decoded.responses[0]!.partitionResponses[0]!.baseOffset, 7)
})

test('a fetch frame asks for the offset that is patched into it', () => {
  const frame = fetchFrame(topic)
  frame.writeBigInt64BE(123_456_789n, fetchOffsetAt(topic))
  const { reader, header } = headerOf(frame)
  const request = decodeRequestBody(Fetch, header.apiVersion, reader, { trailing: 'refused' })
  assert.equal(request.topics[0]!.topic, topic)
  assert.equal(request.topics[0]!.partitions[0]!.fetchOffset, 123_456_789)
})

test('error code and records of a fetch response are where they are said to be, whatever the marks are', () => {
  const { header } = headerOf(fetchFrame(topic))
  const records = Buffer.from('some records')
  const partition = {
    partitionIndex: 0,
    errorCode: 0,
    highWatermark: 99,
    lastStableOffset: 98,
    logStartOffset: 5,
    abortedTransactions: [],
    records,
  }
  const frame = Buffer.concat(
    encodeResponse(Fetch, header.apiVersion, 1, { responses: [{ topic, partitions: [partition] }] }),
  )
  assert.equal(frame.readInt32BE(fetchRecordsAt(topic)), records.length)
  assert.ok(frame.subarray(fetchRecordsAt(topic) + 4).equals(records))
  frame.writeInt16BE(1, fetchErrorAt(topic))
  const decoded = decodeResponse(Fetch, header.apiVersion, frame.subarray(PREFIX_BYTES))
  assert.equal(decoded.responses[0]!.partitions[0]!.errorCode, 1)
})
