/**
 * Frames: int32 size, header, body. Owns headers and the order of the three; knows no socket and no buffering.
 *
 * ```
 * request header   v1: int16 apiKey, int16 apiVersion, int32 correlationId, nullable string clientId (always classic)
 *                  v2: the same, then a tagged section
 * response header  v0: int32 correlationId      v1: the same, then a tagged section
 * ```
 * A request's header is v2, and its response's v1, where the body's version is flexible. Only ApiVersions answers with
 * header v0 always: its reader does not know yet what the other side speaks.
 */
import { DecodeError, Reader, Writer } from './bytes.ts'
import type { AnyApi, RequestInputOf, RequestOf, ResponseInputOf, ResponseOf } from './codec.ts'

const apiVersionsKey = 18

export type RequestHeader = {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  /** '' where the client sent null. */
  readonly clientId: string
}

/** What of an API the headers depend on. */
export type HeaderForm = { readonly key: number; readonly flexible: number }

export function requestHeaderVersion(api: HeaderForm, apiVersion: number): 1 | 2 {
  return apiVersion >= api.flexible ? 2 : 1
}

export function responseHeaderVersion(api: HeaderForm, apiVersion: number): 0 | 1 {
  return apiVersion >= api.flexible && api.key !== apiVersionsKey ? 1 : 0
}

/**
 * Reads a request's header and leaves the reader at the body. `flexibleOf` answers with the first flexible version of
 * an API (Infinity when it has none), or undefined for a key that is not served: DecodeError, as nobody can tell how
 * such a request goes on.
 */
export function readRequestHeader(reader: Reader, flexibleOf: (apiKey: number) => number | undefined): RequestHeader {
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  const flexible = flexibleOf(apiKey)
  if (flexible === undefined) throw new DecodeError(`Cannot read request: API key ${apiKey} is not served`)
  const clientId = reader.classicNullableString() ?? ''
  if (apiVersion >= flexible) reader.skipTags()
  return { apiKey, apiVersion, correlationId, clientId }
}

export function writeRequestHeader(
  writer: Writer,
  version: 1 | 2,
  header: { apiKey: number; apiVersion: number; correlationId: number; clientId: string | null },
): void {
  writer.int16(header.apiKey)
  writer.int16(header.apiVersion)
  writer.int32(header.correlationId)
  writer.classicNullableString(header.clientId)
  if (version === 2) writer.uvarint(0)
}

/** Answers with the correlation id. */
export function readResponseHeader(reader: Reader, version: 0 | 1): number {
  const correlationId = reader.int32()
  if (version === 1) reader.skipTags()
  return correlationId
}

export function writeResponseHeader(writer: Writer, version: 0 | 1, correlationId: number): void {
  writer.int32(correlationId)
  if (version === 1) writer.uvarint(0)
}

/**
 * A whole request with its length prefix, as parts for writev: parts may be the caller's own record buffers. A writer
 * that is given is reset and used again.
 */
export function encodeRequest<A extends AnyApi>(
  api: A,
  apiVersion: number,
  header: { correlationId: number; clientId: string | null },
  value: RequestInputOf<A>,
  writer = new Writer(1024),
): Buffer[] {
  beginFrame(writer)
  const { correlationId, clientId } = header
  const headerVersion = requestHeaderVersion(api, apiVersion)
  writeRequestHeader(writer, headerVersion, { apiKey: api.key, apiVersion, correlationId, clientId })
  api.request.at(apiVersion).write(writer, value)
  return endFrame(writer)
}

/** As `encodeRequest`, for a response. */
export function encodeResponse<A extends AnyApi>(
  api: A,
  apiVersion: number,
  correlationId: number,
  value: ResponseInputOf<A>,
  writer = new Writer(1024),
): Buffer[] {
  beginFrame(writer)
  writeResponseHeader(writer, responseHeaderVersion(api, apiVersion), correlationId)
  api.response.at(apiVersion).write(writer, value)
  return endFrame(writer)
}

export type BodyOptions = {
  /** Whether bytes behind the body are let pass, as Kafka's broker does with requests. */
  readonly trailing: 'accepted' | 'refused'
}

/** Reads the body of a request whose header was read with `readRequestHeader`. */
export function decodeRequestBody<A extends AnyApi>(
  api: A,
  apiVersion: number,
  reader: Reader,
  options: BodyOptions = { trailing: 'accepted' },
): RequestOf<A> {
  const value = api.request.at(apiVersion).read(reader)
  if (options.trailing === 'refused') reader.finish()
  return value
}

/** Tells which request a response belongs to, before anything else of it can be read. `frame` has no length prefix. */
export function correlationIdOf(frame: Buffer): number {
  return new Reader(frame).int32()
}

/** Reads a whole response; `frame` has no length prefix. Bytes left over fail it. */
export function decodeResponse<A extends AnyApi>(api: A, apiVersion: number, frame: Buffer): ResponseOf<A> {
  const reader = new Reader(frame)
  readResponseHeader(reader, responseHeaderVersion(api, apiVersion))
  const value = api.response.at(apiVersion).read(reader)
  reader.finish()
  return value
}

function beginFrame(writer: Writer): void {
  writer.reset()
  writer.int32(0)
}

function endFrame(writer: Writer): Buffer[] {
  writer.patchInt32(0, writer.bytes - 4)
  return writer.parts()
}
