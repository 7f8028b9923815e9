/** For tests of admin handlers: a call goes through the codecs of its version on the way in and on the way out. */
import assert from 'node:assert/strict'
import type { AnyApi, RequestInputOf, RequestOf, ResponseInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorName } from '@ottla/protocol/errors.ts'
import {
  decodeRequestBody,
  encodeRequest,
  encodeResponse,
  readRequestHeader,
  readResponseHeader,
  responseHeaderVersion,
} from '@ottla/protocol/frame.ts'
import { Reader } from '@ottla/protocol/reader.ts'
import type { AclOperation, ResourceType } from '../security/authorizer.ts'
import type { Handler, RequestContext } from './context.ts'

export type Denied = readonly (readonly [operation: AclOperation, type: ResourceType, name: string])[]

const LENGTH_BYTES = 4

export function contextOf(apiVersion: number, denied: Denied = []): RequestContext {
  return {
    ...{ principal: 'User:ANONYMOUS', listener: 'PLAINTEXT', clientAddress: '127.0.0.1', clientId: 'test', apiVersion },
    ...{ clientSoftwareName: 'unknown', clientSoftwareVersion: 'unknown', connectionId: 1, receivedMs: 0 },
    closed: new AbortController().signal,
    identify: () => undefined,
    authorize: (...asked) => !denied.some((rule) => rule.every((part, i) => part === asked[i])),
  }
}

export async function call<A extends AnyApi>(
  api: A,
  handler: Handler<RequestOf<A>, ResponseInputOf<A>>,
  { version, request, denied = [] }: { version: number; request: RequestInputOf<A>; denied?: Denied },
): Promise<ResponseOf<A>> {
  const sent = Buffer.concat(encodeRequest(api, version, { correlationId: 7, clientId: 'test' }, request))
  const reader = new Reader(sent.subarray(LENGTH_BYTES))
  readRequestHeader(reader, () => api.flexible)
  const decoded = decodeRequestBody(api, version, reader, { trailing: 'refused' })
  const reply = await handler(contextOf(version, denied), decoded).reply
  assert.notEqual(reply, null)
  const answered = Buffer.concat(encodeResponse(api, version, 7, reply as ResponseInputOf<A>))
  return decodeBody(api, version, answered)
}

function decodeBody<A extends AnyApi>(api: A, version: number, frame: Buffer): ResponseOf<A> {
  const reader = new Reader(frame.subarray(LENGTH_BYTES))
  readResponseHeader(reader, responseHeaderVersion(api, version))
  const response = api.response.at(version).read(reader)
  reader.finish()
  return response
}

export function errorsOf(results: readonly { readonly errorCode: number }[]): ErrorName[] {
  return results.map(({ errorCode }) => errorName(errorCode))
}
