/**
 * What a handler is given and what it answers: the contract between `network/connection`, `handlers/index` and each
 * API's file. Owns types only.
 */
import type { AclOperation, ResourceType } from '../security/authorizer.ts'

export interface RequestContext {
  /** `User:ANONYMOUS` where the listener does not authenticate. */
  readonly principal: string
  /** The name of the listener by which the client came, for example `PLAINTEXT`: replies name its addresses. */
  readonly listener: string
  readonly clientAddress: string
  readonly clientId: string
  /** From ApiVersions v3 and later; `unknown` before. */
  readonly clientSoftwareName: string
  readonly clientSoftwareVersion: string
  readonly apiVersion: number
  readonly connectionId: number
  /** Monotonic milliseconds at which the request's last byte was read. */
  readonly receivedMs: number
  /** Aborts when the client's connection has closed: whatever waits for this client need wait no longer. */
  readonly closed: AbortSignal
  /** ApiVersions v3 and later name the client's software. */
  identify(softwareName: string, softwareVersion: string): void
  /** Decided at once, from the metadata image. */
  authorize(operation: AclOperation, type: ResourceType, name: string): boolean
}

/**
 * `ordered`: the connection starts its next request once this has settled; null means that it has. `reply`: the
 * response's fields, now or later; null means that Kafka sends none (Produce with acks=0). Replies leave in the order
 * of the requests whatever the order in which they were ready.
 *
 * Byte fields of a request are views of the connection's read buffer, valid until the handler returns: a handler that
 * keeps them for later copies them.
 */
export interface Handled<Response> {
  readonly ordered: Promise<unknown> | null
  readonly reply: Response | Promise<Response | null> | null
  /** Called once when the reply's bytes have left or the connection has closed: what they lie in may be used again. */
  readonly release?: () => void
}

export type Handler<Request, Response> = (context: RequestContext, request: Request) => Handled<Response>

/** The answer of a handler that has nothing to wait for. */
export function answered<Response>(reply: Response): Handled<Response> {
  return { ordered: null, reply }
}

/** The answer of a handler whose effect later requests of the same connection must see: they wait for it. */
export function inOrder<Response>(reply: Promise<Response>): Handled<Response> {
  return { ordered: reply, reply }
}

/** A reply, or a part of one, while its handler is still filling it in. */
export type Draft<Reply> = { -readonly [K in keyof Reply]: Reply[K] }
