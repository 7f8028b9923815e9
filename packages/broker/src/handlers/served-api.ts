/** One entry of the list of what is served (served.ts), and how it is written down. */
import type { AnyApi, RequestOf, ResponseInputOf, VersionRange } from '@ottla/protocol/codec.ts'
import type { Handled, Handler, RequestContext } from './context.ts'

/** Why a request failed as a whole. */
export interface Failure {
  readonly code: number
  readonly message: string
  readonly version: number
}

export interface ServedApi {
  readonly api: AnyApi
  readonly versions: VersionRange
  readonly handle: (context: RequestContext, request: unknown) => Handled<unknown>
  readonly failed: (request: unknown, failure: Failure) => unknown
  /** Whether the log should look for errors in the reply: a quick no for those on the hot path. */
  readonly mayHaveRefused: (reply: unknown) => boolean
}

export function serve<A extends AnyApi>(
  api: A,
  handle: Handler<RequestOf<A>, ResponseInputOf<A>>,
  failed: (request: RequestOf<A>, failure: Failure) => ResponseInputOf<A>,
  mayHaveRefused: (reply: ResponseInputOf<A>) => boolean = () => true,
): ServedApi {
  return { api, versions: api.versions, handle, failed, mayHaveRefused } as ServedApi
}

/** Its errors are part of how clients work: offsets that are gone, sessions that are over, coordinators to come. */
export function isOrdinary(): boolean {
  return false
}
