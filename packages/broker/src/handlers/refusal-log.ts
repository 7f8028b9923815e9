/**
 * One line in the log for each request that was refused in whole or in part, so that an operator sees what a client
 * does wrong. Clients that go on and on are cut short: lines beyond the allowance are counted and told later.
 */
import type { Clock } from '@ottla/base/clock.ts'
import type { Logger } from '@ottla/base/logger.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import type { ClientIdentity } from './request-context.ts'

/** Lines that may come at once, and how many a second may follow. */
export const REFUSAL_LINES_MAX = 100
const LINES_PER_SECOND = 10
/** What of a reply's tree is looked at: topics, their partitions, and one level of fields below. */
const DEPTH_MAX = 4
/** The fields that say what an error is about, in the order of preference. */
const SUBJECT_FIELDS = ['name', 'topic', 'resourceName', 'topicId', 'key'] as const
const INDEX_FIELDS = ['index', 'partitionIndex', 'partition'] as const
const MESSAGE_FIELDS = ['errorMessage', 'message'] as const

export interface Refusal {
  /** Empty where the request as a whole was refused. */
  readonly subject: string
  readonly code: number
  readonly message: string | null
}

export class RefusalLog {
  readonly #logger: Logger
  readonly #clock: Clock
  #allowance = REFUSAL_LINES_MAX
  #refilledMs: number
  #suppressed = 0

  constructor({ logger, clock }: { logger: Logger; clock: Clock }) {
    this.#logger = logger
    this.#clock = clock
    this.#refilledMs = clock.monotonicMs()
  }

  note(api: string, client: ClientIdentity, reply: object): void {
    const refusals = refusalsIn(reply)
    if (refusals.length === 0) return
    this.#refill()
    if (this.#allowance < 1) {
      this.#suppressed++
      return
    }
    this.#allowance--
    const [{ subject, code, message }] = refusals as [Refusal]
    const about = subject === '' ? api : `${api} of "${subject}"`
    const others = refusals.length > 1 ? { others: refusals.length - 1 } : {}
    this.#logger.info(`Refused ${about}: ${errorName(code)}${message === null ? '' : `: ${message}`}`, {
      ...{ client: client.address, clientId: client.clientId },
      ...others,
    })
  }

  #refill(): void {
    const nowMs = this.#clock.monotonicMs()
    const lines = ((nowMs - this.#refilledMs) / 1000) * LINES_PER_SECOND
    this.#allowance = Math.min(REFUSAL_LINES_MAX, this.#allowance + lines)
    this.#refilledMs = nowMs
    if (this.#suppressed === 0 || this.#allowance < 2) return
    this.#allowance--
    this.#logger.info(`${this.#suppressed} more refused requests were not logged`)
    this.#suppressed = 0
  }
}

/** Every error in a reply, with what it is about. */
export function refusalsIn(reply: object): Refusal[] {
  const refusals: Refusal[] = []
  collect(reply as Readonly<Record<string, unknown>>, { subject: '', depth: 0, refusals })
  return refusals
}

interface Walk {
  readonly subject: string
  readonly depth: number
  readonly refusals: Refusal[]
}

function collect(node: Readonly<Record<string, unknown>>, { subject: above, depth, refusals }: Walk): void {
  const subject = subjectOf(node, above)
  const code = node['errorCode']
  if (typeof code === 'number' && code !== 0) refusals.push({ subject, code, message: textAt(node, MESSAGE_FIELDS) })
  if (depth === DEPTH_MAX) return
  for (const value of Object.values(node)) {
    if (!Array.isArray(value)) continue
    for (const item of value) {
      if (typeof item === 'object' && item !== null && !ArrayBuffer.isView(item)) {
        collect(item, { subject, depth: depth + 1, refusals })
      }
    }
  }
}

function subjectOf(node: Readonly<Record<string, unknown>>, above: string): string {
  const index = INDEX_FIELDS.map((field) => node[field]).find((value) => typeof value === 'number')
  if (index !== undefined && above !== '') return `${above}-${index}`
  return textAt(node, SUBJECT_FIELDS) ?? above
}

function textAt(node: Readonly<Record<string, unknown>>, fields: readonly string[]): string | null {
  for (const field of fields) {
    const value = node[field]
    if (typeof value === 'string' && value !== '') return value
  }
  return null
}
