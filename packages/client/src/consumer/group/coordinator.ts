/**
 * Owns the way to a group's coordinator (KIP-98's FindCoordinator): looks it up, remembers it, and forgets it when it
 * answers that it is the wrong one, or the connection is lost. What is asked of it is the callers'.
 */
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import type { AnyApi, RequestInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../../client.ts'
import type { BrokerConnection } from '../../connection.ts'
import type { Lane } from '../../connections.ts'
import { isLostConnection, isRetriable, withRetries } from '../../retry.ts'

export interface CoordinatorCall<A extends AnyApi> {
  readonly api: A
  /** The request, or how to make it for the version that the coordinator speaks. */
  readonly request: RequestInputOf<A> | ((version: number) => RequestInputOf<A>)
  /** Error codes of the answer that may say it is the wrong coordinator. */
  readonly codes: (answer: ResponseOf<A>) => readonly number[]
  readonly lane?: Lane
  readonly versionMin?: number
  readonly versionMax?: number
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** Keys in a list, from this version on. */
const LIST_VERSION_MIN = 4
const GROUP_KEY_TYPE = 0

/** The same request may succeed when the coordinator has been found again. */
const MOVED: readonly ErrorName[] = ['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS']

export class Coordinator {
  readonly groupId: string
  readonly #client: Client
  #nodeId: number | null = null

  constructor(client: Client, groupId: string) {
    this.#client = client
    this.groupId = groupId
  }

  /**
   * One attempt. Rejects with a retriable ProtocolError where the coordinator has moved or is not ready, as a lost
   * connection does, or with what FindCoordinator answered; other errors in the answer are the caller's.
   */
  async once<A extends AnyApi>(call: CoordinatorCall<A>): Promise<ResponseOf<A>> {
    const abort = abortOf(call)
    try {
      const connection = await this.connection(call.lane ?? 'main', abort)
      const bounds = boundsOf(call)
      const { request } = call
      const value = typeof request === 'function' ? request(connection.versionOf(call.api, bounds)) : request
      const timeout = call.timeoutMs === undefined ? {} : { timeoutMs: call.timeoutMs }
      const answer = await connection.request(call.api, value, { ...bounds, ...timeout, ...abort })
      const moved = call
        .codes(answer)
        .map(errorName)
        .find((name) => MOVED.includes(name))
      if (moved !== undefined) throw new ProtocolError(moved, `${this.#name} cannot answer at the moment: ${moved}`)
      return answer
    } catch (error) {
      if (isRetriable(error) || isLostConnection(error)) this.#nodeId = null
      throw error
    }
  }

  /** As `once`, again and again until `timeoutMs` has passed over all attempts together. */
  async ask<A extends AnyApi>(call: CoordinatorCall<A> & { readonly retryForMs: number }): Promise<ResponseOf<A>> {
    const { backoff, ports } = this.#client
    const canRetry = isRetriable
    return await withRetries(() => this.once(call), {
      backoff,
      ports,
      timeoutMs: call.retryForMs,
      canRetry,
      ...abortOf(call),
    })
  }

  /** The connection to the coordinator, which is looked up where it is not known. */
  async connection(lane: Lane, abort: { signal?: AbortSignal } = {}): Promise<BrokerConnection> {
    this.#nodeId ??= await this.#find(abort)
    const { connections, metadata } = this.#client
    if (!connections.brokers.has(this.#nodeId)) await metadata.refresh(abort)
    return await connections.to(this.#nodeId, lane, abort)
  }

  async #find(abort: { signal?: AbortSignal }): Promise<number> {
    const connection = await this.#client.connections.any(abort)
    const isList = connection.versionOf(FindCoordinator) >= LIST_VERSION_MIN
    const key = isList ? { coordinatorKeys: [this.groupId] } : { key: this.groupId }
    const answer = await connection.request(FindCoordinator, { keyType: GROUP_KEY_TYPE, ...key }, abort)
    const row = isList ? answer.coordinators[0] : answer
    if (row === undefined) throw new ProtocolError('UNKNOWN_SERVER_ERROR', `${this.#name} was not named by the broker`)
    const error = errorName(row.errorCode)
    if (error === 'NONE') return row.nodeId
    throw new ProtocolError(error, `${this.#name} was not found: ${row.errorMessage ?? error} (${error})`)
  }

  get #name(): string {
    return `The coordinator of group "${this.groupId}"`
  }
}

function abortOf(options: { readonly signal?: AbortSignal }): { signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal }
}

function boundsOf(call: { readonly versionMin?: number; readonly versionMax?: number }) {
  const { versionMin, versionMax } = call
  return { ...(versionMin === undefined ? {} : { versionMin }), ...(versionMax === undefined ? {} : { versionMax }) }
}
