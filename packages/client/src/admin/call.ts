/** Owns what all admin operations share: whom to ask, when to ask again, and errors that name their subject. */
import type { AnyApi, RequestInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../client.ts'
import { BrokersUnreachableError } from '../errors.ts'
import { isRetriable, withRetries } from '../retry.ts'

export interface AdminOptions {
  /** For all attempts together, in ms. 30,000 when left out. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** One thing of several was done, or why not. */
export interface Outcome {
  readonly name: string
  readonly error: ProtocolError | null
}

export const ADMIN_TIMEOUT_MS = 30_000

/** Asks any broker, which forwards what is the controller's. What changes nothing is asked again after a lost connection. */
export async function ask<A extends AnyApi>(
  client: Client,
  call: { api: A; request: RequestInputOf<A>; reads: boolean; nodeId?: number; versionMin?: number },
  options: AdminOptions,
): Promise<ResponseOf<A>> {
  const { timeoutMs = ADMIN_TIMEOUT_MS } = options
  const abort = abortOf(options)
  const { api, request, nodeId, versionMin } = call
  const attempt = async (): Promise<ResponseOf<A>> => {
    const { connections } = client
    const connection = await (nodeId === undefined ? connections.any(abort) : connections.to(nodeId, 'main', abort))
    return await connection.request(api, request, {
      timeoutMs,
      ...abort,
      ...(versionMin === undefined ? {} : { versionMin }),
    })
  }
  const canRetry = (error: unknown): boolean =>
    call.reads && isRetriable(error) && !(error instanceof BrokersUnreachableError)
  return await withRetries(attempt, { backoff: client.backoff, ports: client.ports, timeoutMs, canRetry, ...abort })
}

/** Null for success; else an error that says what was tried, why it failed and what the broker had to say. */
export function errorOf(what: string, code: number, message: string | null = null): ProtocolError | null {
  if (code === 0) return null
  const error = errorName(code)
  const reason = message === null || message === '' ? new ProtocolError(error).message : message
  return new ProtocolError(error, `Cannot ${what}: ${reason} (${error})`)
}

export function abortOf(options: { signal?: AbortSignal }): { signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal }
}
