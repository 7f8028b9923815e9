/**
 * Values as text: whether a text is a legal value of a key, what would be, and what it means. Kafka keeps, shows and
 * stores configuration as text, so text is what is passed around; numbers are made where they are used.
 */
import type { ConfigKey, ValidValues, ValueForm } from './key.ts'

const INTEGER = /^[+-]?\d+$/
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const INTEGER_BITS = { short: 16n, int: 32n, long: 64n } as const
/** Kafka refuses to store longer values. */
export const VALUE_LENGTH_MAX = 32767

/** Why the text is no legal value of the key, as the end of a sentence that began with the value; null when it is. */
export function violation(key: ConfigKey, text: string | null): string | null {
  if (text === null) return mayBeNull(key) ? null : `expected ${expected(key)}`
  const legal = matchesType(key, text) && matchesRules(key, text)
  return legal ? null : `expected ${expected(key)}`
}

/** The canonical form in which a legal value is kept: trimmed, without blanks around a list's commas. */
export function canonical(key: ConfigKey, text: string): string {
  switch (key.type) {
    case 'list':
      return items(text).join(',')
    case 'string':
    case 'password':
      return text
    case 'boolean':
      return text.trim().toLowerCase()
    default:
      return text.trim()
  }
}

/** The items of a list's text; an empty text has none. */
export function items(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',').map((item) => item.trim())
}

/** What would be legal: "a whole number from 1", "one of CreateTime, LogAppendTime" … */
export function expected(key: ConfigKey): string {
  const { oneOf, list, form, nonEmpty } = key.valid
  if (form !== undefined) return FORMS[form].expected
  if (oneOf !== undefined) return `one of ${oneOf.join(', ')}`
  if (list?.itemOneOf !== undefined) return `a comma-separated list of ${list.itemOneOf.join(', ')} without duplicates`
  if (nonEmpty) return 'a text that is not empty'
  if (list !== undefined) return `a${list.emptyAllowed ? '' : ' non-empty'} comma-separated list without duplicates`
  return `${TYPE_WORDS[key.type]}${rangeWords(key.valid)}`
}

const TYPE_WORDS = {
  boolean: 'true or false',
  string: 'a text',
  int: 'a whole number of 32 bits',
  short: 'a whole number of 16 bits',
  long: 'a whole number of 64 bits',
  double: 'a number',
  list: 'a comma-separated list',
  class: 'the name of a class',
  password: 'a text',
} as const

function rangeWords({ min, max, also }: ValidValues): string {
  const from = min === undefined ? '' : ` from ${min}`
  const to = max === undefined ? '' : ` to ${max}`
  const or = also === undefined ? '' : `, or ${also.join(', ')}`
  return `${from}${to}${or}`
}

function mayBeNull(key: ConfigKey): boolean {
  if (key.valid.nonNull || key.valid.nonEmpty) return false
  return key.valid.list?.nullAllowed ?? (key.valid.oneOf === undefined && key.defaultValue === null)
}

function matchesType(key: ConfigKey, text: string): boolean {
  switch (key.type) {
    case 'boolean':
      return /^(true|false)$/i.test(text.trim())
    case 'short':
    case 'int':
    case 'long':
      return isInteger(text.trim(), INTEGER_BITS[key.type])
    case 'double':
      return DECIMAL.test(text.trim())
    default:
      return true
  }
}

function isInteger(text: string, bits: bigint): boolean {
  // 20 characters hold every 64-bit number with its sign; what is longer is refused before it is parsed.
  if (text.length > 20 || !INTEGER.test(text)) return false
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
  const limit = 1n << (bits - 1n)
  return value >= -limit && value < limit
}

function matchesRules(key: ConfigKey, text: string): boolean {
  const { min, max, also, oneOf, caseInsensitive, nonEmpty, list, form } = key.valid
  if (form !== undefined) return FORMS[form].matches(text)
  if (oneOf !== undefined) {
    return caseInsensitive ? oneOf.some((option) => option.toLowerCase() === text.toLowerCase()) : oneOf.includes(text)
  }
  if (nonEmpty && text === '') return false
  if (list !== undefined) return matchesList(items(text), key)
  const value = Number(text)
  if (also?.includes(value)) return true
  return (min === undefined || value >= min) && (max === undefined || value <= max)
}

function matchesList(found: string[], key: ConfigKey): boolean {
  const { emptyAllowed, itemOneOf } = key.valid.list!
  if (found.length === 0) return emptyAllowed
  if (found.includes('') || new Set(found).size !== found.length) return false
  return itemOneOf === undefined || found.every((item) => itemOneOf.includes(item))
}

const CLIENT_MATCH_KEYS = [
  'client_instance_id',
  'client_id',
  'client_software_name',
  'client_software_version',
  'client_source_address',
  'client_source_port',
]

const FORMS: { readonly [F in ValueForm]: { expected: string; matches: (text: string) => boolean } } = {
  'host:port list': {
    expected: 'an empty list or items like host:9093',
    matches: (text) => items(text).every((item) => /^\S+:\d{1,5}$/.test(item)),
  },
  'voter list': {
    expected: 'an empty list or items like 1@host:9093',
    matches: (text) => items(text).every((item) => /^\d+@\S+:\d{1,5}$/.test(item)),
  },
  'throttled replicas': {
    expected: 'an empty list, a single *, or items like 0:1 (partition:broker)',
    matches: (text) => text.trim() === '*' || items(text).every((item) => /^\d+:\d+$/.test(item)),
  },
  'share offset reset': {
    expected: 'latest, earliest, or by_duration: and a duration like PT1H that is not negative',
    matches: (text) => text === 'latest' || text === 'earliest' || isByDuration(text),
  },
  'client metrics match': {
    expected: `items like client_id=orders.*, the key one of ${CLIENT_MATCH_KEYS.join(', ')}`,
    matches: (text) => items(text).every(isClientMatch) && new Set(items(text)).size === items(text).length,
  },
}

/** ISO 8601 in days, hours, minutes and seconds; at least one of them. */
const DURATION = /^by_duration:P(?=\d|T\d)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$/i

function isByDuration(text: string): boolean {
  return DURATION.test(text)
}

function isClientMatch(item: string): boolean {
  const at = item.indexOf('=')
  return at > 0 && at < item.length - 1 && CLIENT_MATCH_KEYS.includes(item.slice(0, at).trim())
}
