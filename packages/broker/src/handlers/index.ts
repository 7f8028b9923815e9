/**
 * The way of every request: header, version, decoding, handler, encoding. What is not served is not advertised and
 * closes the connection, as in Kafka; `served.ts` is the list.
 *
 * A handler that fails is answered with its API's error reply: the code of a ProtocolError, else UNKNOWN_SERVER_ERROR
 * and one line in the log.
 */
import type { Clock } from '@ottla/base/clock.ts'
import { Counter, Histogram } from '@ottla/base/counters.ts'
import type { Logger } from '@ottla/base/logger.ts'
import { DecodeError, Reader, Writer } from '@ottla/protocol/bytes.ts'
import type { AnyApi, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { encodeResponse, type RequestHeader, readRequestHeader } from '@ottla/protocol/frame.ts'
import { unsupportedApiVersions } from './18-api-versions.ts'
import { ConnectionCloseError } from './connection-close.ts'
import type { Handled } from './context.ts'
import { RefusalLog } from './refusal-log.ts'
import { type ClientIdentity, ClientRequestContext } from './request-context.ts'
import type { ServedApi } from './served.ts'

const API_VERSIONS_KEY = 18

/** A reply as it leaves: `release` is called once when the parts are not needed any more. */
export interface EncodedReply {
  readonly parts: readonly Buffer[]
  readonly release: (() => void) | null
}

export interface Dispatched {
  readonly ordered: Promise<unknown> | null
  /** null: Kafka sends none. Rejects with ConnectionCloseError where Kafka answers by closing. */
  readonly reply: Promise<EncodedReply | null> | EncodedReply | null
}

/** One frame's body, [start, end) of the buffer, valid during the call. */
export interface Frame {
  readonly buffer: Buffer
  readonly start: number
  readonly end: number
}

export interface RequestCounters {
  readonly api: AnyApi
  readonly requests: Counter
  readonly failures: Counter
  /** From the request's last byte to its reply's encoding, in milliseconds. */
  readonly latencyMs: Histogram
}

interface Route extends RequestCounters {
  readonly served: ServedApi
}

export class Requests {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #refusals: RefusalLog
  readonly #routes: (Route | undefined)[] = []
  readonly #reader = new Reader(Buffer.alloc(0))
  readonly #writer = new Writer()
  readonly #flexibleOf = (key: number) => this.#routes[key]?.api.flexible

  constructor(options: { served: readonly ServedApi[]; clock: Clock; logger: Logger }) {
    this.#clock = options.clock
    this.#logger = options.logger
    this.#refusals = new RefusalLog(options)
    for (const served of options.served) {
      const { api } = served
      this.#routes[api.key] = {
        api,
        served,
        requests: new Counter(),
        failures: new Counter(),
        latencyMs: new Histogram(),
      }
    }
  }

  /** For `admin/metrics`. */
  get counters(): RequestCounters[] {
    return this.#routes.filter((route) => route !== undefined)
  }

  /** Throws where Kafka closes the connection without a reply; the message says why. */
  handle(client: ClientIdentity, frame: Frame, receivedMs: number): Dispatched {
    const reader = this.#reader
    reader.reset(frame.buffer, frame.start, frame.end)
    const unsupported = this.#unknownApiVersions(reader)
    if (unsupported) return unsupported
    const header = readRequestHeader(reader, this.#flexibleOf)
    const route = this.#route(header)
    const request = route.api.request.at(header.apiVersion).read(reader)
    const context = new ClientRequestContext(client, { ...header, receivedMs })
    client.clientId = header.clientId
    route.requests.add()
    return this.#run(route, context, { header, client, request, isTold: false })
  }

  #route({ apiKey, apiVersion }: RequestHeader): Route {
    const route = this.#routes[apiKey]
    if (route === undefined) throw new DecodeError(`API key ${apiKey} is not served`)
    if (isServed(route, apiVersion)) return route
    const [first, last] = route.served.versions
    throw new DecodeError(`${route.api.name} version ${apiVersion} is not served, only ${first} to ${last}`)
  }

  /** Of a version that this broker does not know nothing but the correlation id can be read (KIP-511). */
  #unknownApiVersions(reader: Reader): Dispatched | null {
    const start = reader.at
    const [key, version] = [reader.int16(), reader.int16()]
    const route = this.#routes[API_VERSIONS_KEY]
    if (key === API_VERSIONS_KEY && route !== undefined && !isServed(route, version)) {
      const parts = encodeResponse(
        route.api,
        0,
        reader.int32(),
        unsupportedApiVersions(route.served.versions),
        this.#writer,
      )
      return { ordered: null, reply: { parts, release: null } }
    }
    reader.at = start
    return null
  }

  #run(route: Route, context: ClientRequestContext, call: Call): Dispatched {
    let handled: Handled<unknown>
    try {
      handled = route.served.handle(context, call.request)
    } catch (error) {
      handled = { ordered: null, reply: this.#failed(route, call, error) }
    }
    const { ordered, reply } = handled
    const release = handled.release ?? null
    if (!(reply instanceof Promise)) return { ordered, reply: this.#encode(route, call, { reply, release, context }) }
    const encoded = reply.then(
      (value) => this.#encode(route, call, { reply: value, release, context }),
      (error) => {
        release?.()
        return this.#encode(route, call, { reply: this.#failed(route, call, error), release: null, context })
      },
    )
    return { ordered, reply: encoded }
  }

  #encode(route: Route, call: Call, done: Done): EncodedReply | null {
    route.latencyMs.record(this.#clock.monotonicMs() - done.context.receivedMs)
    // Nobody is left to release what no reply carries away.
    if (done.reply === null) {
      done.release?.()
      return null
    }
    const { apiVersion, correlationId } = call.header
    const reply = done.reply as ResponseInputOf<AnyApi>
    if (!call.isTold && route.served.mayHaveRefused(reply)) this.#refusals.note(route.api.name, call.client, reply)
    try {
      const parts = encodeResponse(route.api, apiVersion, correlationId, reply, this.#writer)
      return { parts, release: done.release }
    } catch (error) {
      done.release?.()
      throw error
    }
  }

  #failed(route: Route, call: Call, error: unknown): unknown {
    if (error instanceof ConnectionCloseError) throw error
    route.failures.add()
    if (error instanceof ProtocolError) {
      return route.served.failed(call.request, {
        code: errorCode(error.error),
        message: error.message,
        version: call.header.apiVersion,
      })
    }
    call.isTold = true
    this.#logger.error(`${route.api.name} failed`, { error, clientId: call.header.clientId })
    return route.served.failed(call.request, {
      code: errorCode('UNKNOWN_SERVER_ERROR'),
      message: 'The broker could not handle the request; its log says why',
      version: call.header.apiVersion,
    })
  }
}

function isServed(route: Route, version: number): boolean {
  const [first, last] = route.served.versions
  return version >= first && version <= last
}

interface Call {
  readonly header: RequestHeader
  readonly client: ClientIdentity
  readonly request: unknown
  /** The log has a line about it already. */
  isTold: boolean
}

interface Done {
  readonly reply: unknown
  readonly release: (() => void) | null
  readonly context: ClientRequestContext
}
