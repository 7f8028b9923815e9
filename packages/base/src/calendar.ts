/** Owns the text form of wall time (ISO 8601), because only this package may touch Date. Reads no clock. */

/** `2026-03-01`, `2026-03-01T12:00Z`, `2026-03-01 12:00:00+02:00` … ; without a zone it is UTC. */
const ISO_TIME = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/

/** Milliseconds since 1970 of an ISO 8601 date or time, or null when it is not one. Without a zone it is UTC. */
export function parseIsoTime(text: string): number | null {
  const match = ISO_TIME.exec(text)
  if (match === null) return null
  const hasClock = text.length > 10
  const timeMs = Date.parse(hasClock && match[1] === undefined ? `${text.replace(' ', 'T')}Z` : text.replace(' ', 'T'))
  return Number.isNaN(timeMs) ? null : timeMs
}

/** `2026-03-01T12:00:00.000Z`; the number itself, as text, where it is outside the calendar. */
export function formatIsoTime(timeMs: number): string {
  const date = new Date(timeMs)
  return Number.isNaN(date.getTime()) ? String(timeMs) : date.toISOString()
}
