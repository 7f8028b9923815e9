/** Owns the requests of the storage bench, encoded from the message tables, and what a good answer to each looks like. */
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import type { AnyApi, RequestInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { decodeResponse, encodeRequest } from '@ottla/protocol/frame.ts'

/** The newest that name topics. */
const PRODUCE_VERSION = 8
const FETCH_VERSION = 11
const LIST_VERSION = 9
const LENGTH_BYTES = 4
const TIMEOUT_MS = 30_000
const FETCH_BYTES_MAX = 64 * 1024 * 1024
export const LATEST = -1

export interface PartitionRecords {
  readonly partition: number
  readonly records: Buffer
}

/** A batch for each of some partitions of one topic. */
export function produceRequest(topic: string, batches: readonly PartitionRecords[], acks: -1 | 1 = -1): Buffer {
  const partitionData = batches.map(({ partition, records }) => ({ index: partition, records }))
  return encode(Produce, PRODUCE_VERSION, {
    ...{ acks, timeoutMs: TIMEOUT_MS },
    topicData: [{ name: topic, partitionData }],
  })
}

export interface FetchFrom {
  readonly partition: number
  readonly offset: number
}

/** Outside of any session; with one partition and one byte, the batch that holds the offset. */
export function fetchRequest(topic: string, from: readonly FetchFrom[], partitionMaxBytes = 1): Buffer {
  const partitions = from.map(({ partition, offset }) => ({ partition, fetchOffset: offset, partitionMaxBytes }))
  const request = { maxWaitMs: 0, minBytes: 0, maxBytes: FETCH_BYTES_MAX, topics: [{ topic, partitions }] }
  return encode(Fetch, FETCH_VERSION, request)
}

export function listRequest(topic: string, times: readonly { partition: number; timestamp: number }[]): Buffer {
  const partitions = times.map(({ partition, timestamp }) => ({ partitionIndex: partition, timestamp }))
  return encode(ListOffsets, LIST_VERSION, { replicaId: -1, topics: [{ name: topic, partitions }] })
}

/** Throws where a partition was refused. */
export function checkProduced(answer: Buffer): void {
  const { responses } = decode(Produce, PRODUCE_VERSION, answer)
  for (const { partitionResponses } of responses) for (const { errorCode } of partitionResponses) refuse(errorCode)
}

/** Throws where a partition was refused, or came without records. */
export function checkFetched(answer: Buffer): void {
  for (const { partitions } of decode(Fetch, FETCH_VERSION, answer).responses) {
    for (const { errorCode, records, partitionIndex } of partitions) {
      refuse(errorCode)
      if (records === null || records.length === 0) throw new Error(`Nothing was read of partition ${partitionIndex}`)
    }
  }
}

export function checkListed(answer: Buffer): void {
  listedOffsets(answer)
}

/** By partition. Throws where one was refused or nothing was found. */
export function listedOffsets(answer: Buffer): Map<number, number> {
  const found = new Map<number, number>()
  for (const { partitions } of decode(ListOffsets, LIST_VERSION, answer).topics) {
    for (const { errorCode, partitionIndex, offset } of partitions) {
      refuse(errorCode)
      if (offset < 0) throw new Error(`Nothing was found in partition ${partitionIndex}`)
      found.set(partitionIndex, offset)
    }
  }
  return found
}

function refuse(errorCode: number): void {
  if (errorCode !== 0) throw new Error(`The broker answers ${errorName(errorCode)}`)
}

function encode<A extends AnyApi>(api: A, version: number, request: RequestInputOf<A>): Buffer {
  return Buffer.concat(encodeRequest(api, version, { correlationId: 0, clientId: 'bench' }, request))
}

function decode<A extends AnyApi>(api: A, version: number, answer: Buffer): ResponseOf<A> {
  return decodeResponse(api, version, answer.subarray(LENGTH_BYTES))
}
