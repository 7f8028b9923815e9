/** From a scenario's value to a request's bytes: names put in, fields that the version lacks left out. */
import type { AnyApi } from '@ottla/protocol/codec.ts'
import { encodeRequest } from '@ottla/protocol/frame.ts'
import { type FieldType, isPresent, type Table } from '@ottla/protocol/types.ts'
import type { At } from './scenario.ts'

/** See scenario.ts. */
const MADE_MEMBER = /^#\d$/

export interface RequestText {
  readonly api: AnyApi
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly value: unknown
}

export function requestBytes(text: RequestText, at: At): Buffer {
  const { api, version, correlationId, clientId } = text
  const value = fields(api.request.table as Table, { version, at }, text.value)
  return Buffer.concat(encodeRequest(api, version, { correlationId, clientId }, value as never))
}

interface Form {
  readonly version: number
  readonly at: At
}

function fields(table: Table, form: Form, value: unknown): unknown {
  const given = value as Readonly<Record<string, unknown>>
  const present = Object.entries(table).filter(([name, { rules }]) => name in given && isPresent(rules, form.version))
  return Object.fromEntries(present.map(([name, { type }]) => [name, field(type, form, given[name])]))
}

function text(at: At, value: string): string {
  if (value.startsWith('@')) return at.topic(value.slice(1))
  return MADE_MEMBER.test(value) ? at.member(Number(value.slice(1))) : value
}

function field(type: FieldType, form: Form, value: unknown): unknown {
  if (value === null || value === undefined || Buffer.isBuffer(value)) return value
  switch (type.kind) {
    case 'array':
      return (value as readonly unknown[]).map((element) => field(type.element, form, element))
    case 'struct':
      return fields(type.table, form, value)
    case 'string':
      return text(form.at, value as string)
    case 'uuid':
      return (value as string).startsWith('@') ? form.at.topicId((value as string).slice(1)) : value
    default:
      return value
  }
}
