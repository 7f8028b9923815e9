/**
 * Owns the requests that the raw generators send, built once, and the places in requests and responses that they patch
 * or look at. So the message tables stay the only description of the wire, and the generators know nothing of it.
 *
 * A place is found by encoding a message twice, with 0 and with 1 in the field: the one byte that differs is its last.
 */
import { assert } from '@ottla/base/assert.ts'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { encodeRequest, encodeResponse } from '@ottla/protocol/frame.ts'
import { BatchBuilder } from '@ottla/protocol/records/batch-builder.ts'

export interface ProduceFrameOptions {
  readonly topic: string
  readonly partition: number
  readonly acks: 1 | -1
  readonly recordCount: number
  readonly valueBytes: number
  readonly timestampMs: number
}

/** The newest versions that name topics and whose fields, up to the records, have fixed places in a response. */
const PRODUCE_VERSION = 8
const FETCH_VERSION = 11
const REQUEST_TIMEOUT_MS = 30_000
const FETCH_WAIT_MS = 500
const FETCH_BYTES_MAX = 1024 * 1024
const INT16_BYTES = 2
const INT32_BYTES = 4
const INT64_BYTES = 8

export function produceFrame(options: ProduceFrameOptions): Buffer {
  const { topic, partition, acks } = options
  const request = {
    acks,
    timeoutMs: REQUEST_TIMEOUT_MS,
    topicData: [{ name: topic, partitionData: [{ index: partition, records: batchOf(options) }] }],
  }
  return Buffer.concat(encodeRequest(Produce, PRODUCE_VERSION, { correlationId: 0, clientId: 'bench' }, request))
}

/** Where the int16 error code stands in the response to a produce frame for this topic. */
export function produceErrorAt(topic: string): number {
  const encode = (errorCode: number): Buffer => {
    const partitionResponses = [{ index: 0, errorCode, baseOffset: 0 }]
    return Buffer.concat(
      encodeResponse(Produce, PRODUCE_VERSION, 0, { responses: [{ name: topic, partitionResponses }] }),
    )
  }
  return fieldAt(encode(0), encode(1), INT16_BYTES)
}

/** A long poll of partition 0 from offset 0, outside of any fetch session. */
export function fetchFrame(topic: string): Buffer {
  return encodeFetch(topic, 0)
}

/** Where the int64 offset stands in a fetch frame. */
export function fetchOffsetAt(topic: string): number {
  return fieldAt(encodeFetch(topic, 0), encodeFetch(topic, 1), INT64_BYTES)
}

/** Where the partition's int16 error code stands in the response to a fetch frame. */
export function fetchErrorAt(topic: string): number {
  return fieldAt(encodeFetched(topic, 0), encodeFetched(topic, 1), INT16_BYTES)
}

/** Where the int32 length of the records stands in the response to a fetch frame. */
export function fetchRecordsAt(topic: string): number {
  return encodeFetched(topic, 0).length - INT32_BYTES
}

function batchOf({ recordCount, valueBytes, timestampMs }: ProduceFrameOptions): Buffer {
  const value = Buffer.alloc(valueBytes, 'ottla ')
  const builder = new BatchBuilder({ bytesMax: Number.POSITIVE_INFINITY })
  for (let i = 0; i < recordCount; i++) builder.append({ timestampMs, key: null, value })
  return builder.build()
}

function encodeFetch(topic: string, fetchOffset: number): Buffer {
  const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: FETCH_BYTES_MAX }]
  const request = { maxWaitMs: FETCH_WAIT_MS, minBytes: 1, maxBytes: FETCH_BYTES_MAX, topics: [{ topic, partitions }] }
  return Buffer.concat(encodeRequest(Fetch, FETCH_VERSION, { correlationId: 0, clientId: 'bench' }, request))
}

/** Without aborted transactions, as every reader of uncommitted records is answered, and with no records. */
function encodeFetched(topic: string, errorCode: number): Buffer {
  const partition = {
    partitionIndex: 0,
    errorCode,
    highWatermark: 0,
    abortedTransactions: null,
    records: Buffer.alloc(0),
  }
  return Buffer.concat(encodeResponse(Fetch, FETCH_VERSION, 0, { responses: [{ topic, partitions: [partition] }] }))
}

function fieldAt(withZero: Buffer, withOne: Buffer, fieldBytes: number): number {
  assert(withZero.length === withOne.length, 'A field of fixed size does not change the length')
  const lastByteAt = withZero.findIndex((byte, at) => byte !== withOne[at])
  assert(lastByteAt >= 0, 'The field is in the message')
  return lastByteAt - fieldBytes + 1
}
