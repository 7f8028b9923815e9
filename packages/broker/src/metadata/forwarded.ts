/**
 * The form in which a broker's commands travel to the controller: JSON in the data of an Envelope (58), which only
 * brokers of one cluster exchange. Pure. Commands are this project's own, so that nothing is lost on the way that a
 * Kafka request could not say; a later version that adds a method is told UNSUPPORTED_VERSION by an earlier one.
 *
 *   request   { v, method, args: [...] }
 *   response  { v, outcomes: [{ ok } | { error, message }] }  or  { v, outcome: … } for methods with one outcome
 *
 * Maps travel as { "map": [[key, value], …] }.
 */
import { type ErrorName, isErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { ControllerClient, Outcome } from './controller-client.ts'

const VERSION = 1

export type ControllerMethod = keyof ControllerClient
type Result = Outcome<unknown> | Outcome<unknown>[]

export interface ForwardedCall {
  readonly method: ControllerMethod
  readonly args: readonly unknown[]
}

const METHODS: { readonly [name in ControllerMethod]: 'outcomes' | 'outcome' } = {
  createTopics: 'outcomes',
  deleteTopics: 'outcomes',
  createPartitions: 'outcomes',
  alterConfigs: 'outcomes',
  updateFeatures: 'outcome',
  allocateProducerIds: 'outcome',
  alterPartitions: 'outcome',
  electLeaders: 'outcome',
  alterReassignments: 'outcome',
  listReassignments: 'outcome',
  unregisterBroker: 'outcome',
  reportFailedLogs: 'outcome',
}

export function encodeCall(call: ForwardedCall): Buffer {
  return Buffer.from(JSON.stringify({ v: VERSION, ...call }, withMaps))
}

/** Throws ProtocolError UNSUPPORTED_VERSION for what this version does not know, INVALID_REQUEST for what is no call. */
export function decodeCall(bytes: Buffer): ForwardedCall {
  const call = parse(bytes)
  const { method, args } = call
  if (call.v !== VERSION || typeof method !== 'string' || !Object.hasOwn(METHODS, method)) {
    throw new ProtocolError('UNSUPPORTED_VERSION', `The controller does not know the command ${String(method)}`)
  }
  if (!Array.isArray(args)) throw new ProtocolError('INVALID_REQUEST', 'A forwarded command has arguments')
  return { method: method as ControllerMethod, args }
}

/** By the method, not by the result: one outcome may be a list, too. */
export function encodeResult(method: ControllerMethod, result: Result): Buffer {
  const isOne = METHODS[method] === 'outcome'
  const body = isOne ? { outcome: written(result) } : { outcomes: (result as Outcome<unknown>[]).map(written) }
  return Buffer.from(JSON.stringify({ v: VERSION, ...body }, withMaps))
}

export function decodeResult(method: ControllerMethod, bytes: Buffer): Result {
  const result = parse(bytes)
  if (METHODS[method] === 'outcome') return read(result.outcome)
  if (!Array.isArray(result.outcomes)) throw new ProtocolError('UNKNOWN_SERVER_ERROR', 'The controller made no sense')
  return result.outcomes.map(read)
}

/** The same error for each command of a call. */
export function failAll(call: ForwardedCall, error: ProtocolError): Result {
  if (METHODS[call.method] === 'outcome') return error
  return (call.args[0] as readonly unknown[]).map(() => error)
}

interface Written {
  readonly ok?: unknown
  readonly error?: string
  readonly message?: string
}

function written(outcome: Outcome<unknown>): Written {
  return outcome instanceof ProtocolError ? { error: outcome.error, message: outcome.message } : { ok: outcome }
}

function read(value: unknown): Outcome<unknown> {
  const { ok, error, message } = value as Written
  if (error === undefined) return ok
  const name: ErrorName = isErrorName(error) ? error : 'UNKNOWN_SERVER_ERROR'
  return new ProtocolError(name, message)
}

type Fields = { readonly [name: string]: unknown }

function parse(bytes: Buffer): Fields {
  try {
    return JSON.parse(bytes.toString('utf8'), intoMaps) as Fields
  } catch (cause) {
    throw new ProtocolError('INVALID_REQUEST', 'What brokers tell each other is not JSON', { cause })
  }
}

function withMaps(_key: string, value: unknown): unknown {
  return value instanceof Map ? { map: [...value] } : value
}

function intoMaps(_key: string, value: unknown): unknown {
  const isMap = typeof value === 'object' && value !== null && 'map' in value && Array.isArray(value.map)
  return isMap ? new Map(value.map as [unknown, unknown][]) : value
}
