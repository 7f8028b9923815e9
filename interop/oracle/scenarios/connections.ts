/** What a connection endures: unknown APIs and versions, frames that are cut short or too long, garbage, pipelines. */
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import type { AnyApi } from '@ottla/protocol/codec.ts'
import { encodeRequest } from '@ottla/protocol/frame.ts'
import { framed, int32 } from '../../raw-frames.ts'
import { batch } from '../batches.ts'
import { write } from '../requests-of-clients.ts'
import { ask, raw, type Scenario, scenario } from '../scenario.ts'

const KEY_AT = 4
const VERSION_AT = 6

const ONCE = [1, 1] as const

function request<A extends AnyApi>(api: A, version: number, value: object, correlationId = 1): Buffer {
  return Buffer.concat(encodeRequest(api, version, { correlationId, clientId: 'oracle' }, value as never))
}

/** A sound Metadata request that says something else in its header. */
function spoiled(spoil: (bytes: Buffer) => unknown): Buffer {
  const bytes = request(Metadata, 1, { topics: [] })
  spoil(bytes)
  return bytes
}

function written(bytes: Buffer, write: (copy: Buffer) => unknown): Buffer {
  const copy = Buffer.from(bytes)
  write(copy)
  return copy
}

/** The same request with its body changed and its size put right. */
function body(bytes: Buffer, changed: (body: Buffer) => Buffer): Buffer {
  return framed(changed(Buffer.from(bytes.subarray(4))))
}

const NOTHING_ASKED = request(Metadata, 1, { topics: [] })

export const CONNECTIONS: readonly Scenario[] = [
  scenario(Metadata, 'connection: keys of no API', {
    covers: ['0.2'],
    versions: ONCE,
    steps: [-1, 4, 5, 6, 7, 93, 999, 32767].map((key) => raw(spoiled((bytes) => bytes.writeInt16BE(key, KEY_AT)))),
  }),
  scenario(Metadata, 'connection: keys of controllers’ APIs', {
    covers: ['0.2'],
    versions: ONCE,
    steps: [52, 53, 54, 56, 59, 62, 63, 67, 70].map((key) => raw(spoiled((bytes) => bytes.writeInt16BE(key, KEY_AT)))),
  }),
  scenario(Metadata, 'connection: versions that do not exist', {
    covers: ['0.2'],
    versions: ONCE,
    steps: [-1, 14, 32767].map((version) => raw(spoiled((bytes) => bytes.writeInt16BE(version, VERSION_AT)))),
  }),
  scenario(Metadata, 'connection: Produce and Fetch in versions that are no more', {
    covers: ['0.2', '1.3'],
    versions: ONCE,
    steps: [
      ...[0, 1, 2, 14].map((version) =>
        raw(
          spoiled((bytes) => {
            bytes.writeInt16BE(0, KEY_AT)
            bytes.writeInt16BE(version, VERSION_AT)
          }),
        ),
      ),
      ...[0, 3, 19].map((version) =>
        raw(
          spoiled((bytes) => {
            bytes.writeInt16BE(Fetch.key, KEY_AT)
            bytes.writeInt16BE(version, VERSION_AT)
          }),
        ),
      ),
    ],
  }),
  scenario(Metadata, 'connection: sizes that are none', {
    covers: ['0.2'],
    versions: ONCE,
    steps: [-1, -2147483648, 0, 1, 3, 2147483647].map((size) => raw(Buffer.concat([int32(size), Buffer.alloc(16)]))),
  }),
  scenario(Metadata, 'connection: a frame that is not finished', {
    covers: ['0.2'],
    versions: ONCE,
    steps: [raw(NOTHING_ASKED.subarray(0, -2)), raw(NOTHING_ASKED.subarray(0, 3))],
  }),
  scenario(Metadata, 'connection: bodies that cannot be read', {
    covers: ['0.2'],
    versions: ONCE,
    steps: [
      raw(body(NOTHING_ASKED, (bytes) => bytes.subarray(0, -2))),
      raw(body(NOTHING_ASKED, (bytes) => bytes.subarray(0, 6))),
      raw(body(NOTHING_ASKED, (bytes) => written(bytes, (copy) => copy.writeInt32BE(1000, copy.length - 4)))),
      raw(body(NOTHING_ASKED, (bytes) => written(bytes, (copy) => copy.writeInt32BE(-2, copy.length - 4)))),
      raw(body(NOTHING_ASKED, (bytes) => written(bytes, (copy) => copy.writeInt16BE(1000, 8)))),
      raw(body(NOTHING_ASKED, (bytes) => written(bytes, (copy) => copy.writeInt16BE(-2, 8)))),
      raw(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')),
      raw(framed(Buffer.alloc(100, 0xff))),
    ],
  }),
  scenario(Metadata, 'connection: bytes behind the body', {
    covers: ['0.2'],
    versions: ONCE,
    steps: [
      raw(
        body(NOTHING_ASKED, (bytes) => Buffer.concat([bytes, Buffer.alloc(3)])),
        { replies: [{ api: Metadata, version: 1 }] },
      ),
    ],
  }),
  scenario(Metadata, 'connection: a tag that nobody knows, and a null client id', {
    covers: ['0.2'],
    versions: [9, 9],
    steps: [
      ask(Metadata, { topics: [] }, { clientId: null }),
      raw(
        body(request(Metadata, 9, { topics: [] }), (bytes) =>
          Buffer.concat([bytes.subarray(0, -1), Buffer.from([1, 9, 2, 7, 7])]),
        ),
        { replies: [{ api: Metadata, version: 9 }] },
      ),
    ],
  }),
  scenario(Metadata, 'connection: replies keep the order of pipelined requests', {
    covers: ['0.1'],
    versions: ONCE,
    topics: { a: {} },
    steps: [
      write(batch()),
      raw(
        ({ topic }) =>
          Buffer.concat([
            request(Metadata, 1, { topics: [] }, 11),
            request(
              Fetch,
              12,
              {
                ...{ maxWaitMs: 100, minBytes: 1_000_000 },
                topics: [
                  { topic: topic('a'), partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] },
                ],
              },
              12,
            ),
            request(ApiVersions, 0, {}, 13),
            request(Metadata, 1, { topics: [] }, 11),
          ]),
        {
          replies: [
            { api: Metadata, version: 1 },
            { api: Fetch, version: 12 },
            { api: ApiVersions, version: 0 },
            { api: Metadata, version: 1 },
          ],
        },
      ),
    ],
  }),
  scenario(Metadata, 'connection: a request beyond socket.request.max.bytes', {
    covers: ['0.2'],
    profile: 'strict',
    versions: ONCE,
    steps: [raw(framed(Buffer.alloc(100_001))), raw(int32(100_001))],
  }),
]
