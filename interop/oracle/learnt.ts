/** What one run learns from replies: the ids of its topics, sessions and producers; and its symbols for them. */
import type { At } from './scenario.ts'

const TOPIC_OF_A_RUN = /^o-\d+-/
/** What brokers make of members of groups: random ids in two forms, the first often behind a name. */
const MADE_ID = /[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g
const MADE_SHORT_ID = /^[\w-]{22}$/
/** What no broker has. */
const UNKNOWN_ID = 'b3R0bGFfdW5rbm93bl9pZA'

export class Learnt implements At {
  readonly version: number
  readonly #prefix: string
  /** Texts of the broker's own place, such as its directory, with their symbols. */
  readonly #places: readonly (readonly [string, string])[]
  readonly #ids = new Map<string, string>()
  readonly #sessions: number[] = []
  readonly #producers: number[] = []
  readonly #members: string[] = []

  constructor(run: { version: number; prefix: string; places: readonly (readonly [string, string])[] }) {
    this.version = run.version
    this.#prefix = run.prefix
    this.#places = run.places
  }

  readonly topic = (name: string): string => `${this.#prefix}${name}`

  readonly topicId = (name: string): string => this.#ids.get(this.topic(name)) ?? UNKNOWN_ID

  readonly session = (index: number): number => this.#sessions[index] ?? -1

  readonly producerId = (index: number): number => this.#producers[index] ?? -1

  readonly member = (index: number): string => this.#members[index] ?? UNKNOWN_ID

  /** Of another run, or made by a broker for itself on the way. */
  isForeign(name: string | null): boolean {
    if (name === null || name.startsWith(this.#prefix)) return false
    return TOPIC_OF_A_RUN.test(name) || name === '__transaction_state'
  }

  isOwnGroup(groupId: string): boolean {
    return groupId.startsWith(this.#prefix)
  }

  /** Reads ids out of a reply, before it is shown. */
  learn(value: unknown): void {
    if (Array.isArray(value)) for (const inner of value) this.learn(inner)
    else if (value !== null && typeof value === 'object' && !Buffer.isBuffer(value)) this.#learnFields(value)
  }

  shown(text: string): string {
    let shown = text.replaceAll(this.#prefix, '@')
    for (const [place, symbol] of this.#places) shown = shown.replaceAll(place, symbol)
    for (const [i, id] of this.#members.entries())
      shown = shown.replaceAll(id, id.replace(madePart(id), `<member ${i}>`))
    return shown.replaceAll(MADE_ID, '<uuid>')
  }

  topicOfId(id: string): string {
    for (const [name, known] of this.#ids) if (known === id) return `<id of ${this.shown(name)}>`
    return id === UNKNOWN_ID ? '<unknown id>' : '<id>'
  }

  sessionSymbol(id: number): string {
    return `<session ${positionIn(this.#sessions, id)}>`
  }

  /** Ids that a scenario invents are small; those that a broker gave are told from the rest by having been learnt. */
  producerSymbol(id: number): unknown {
    const position = this.#producers.indexOf(id)
    return position < 0 ? id : `<producer ${position}>`
  }

  #learnMember({ memberId }: { memberId?: unknown }): void {
    if (typeof memberId !== 'string' || memberId.startsWith(this.#prefix)) return
    if (madePart(memberId) !== '') positionIn(this.#members, memberId)
  }

  #learnFields(fields: object): void {
    const { name, topicId, sessionId, producerId, ...others } = fields as Record<string, unknown>
    // Versions that tell ids do not always tell names.
    const isNamed = typeof name === 'string' && name !== ''
    if (isNamed && typeof topicId === 'string' && !/^A+$/.test(topicId)) this.#ids.set(name, topicId)
    if (typeof sessionId === 'number' && sessionId > 0) positionIn(this.#sessions, sessionId)
    if (typeof producerId === 'number' && producerId >= 0 && 'ongoingTxnProducerId' in fields) {
      positionIn(this.#producers, producerId)
    }
    // What tells a member of itself, not lists of members: those have no order.
    if ('generationId' in fields || 'heartbeatIntervalMs' in fields) this.#learnMember(fields as { memberId?: unknown })
    this.learn(Object.values(others))
  }
}

/** Names of ours are longer, or have a dash in the first place. */
function madePart(id: string): string {
  return id.match(MADE_ID)?.[0] ?? (MADE_SHORT_ID.test(id) ? id : '')
}

function positionIn<T>(list: T[], value: T): number {
  const position = list.indexOf(value)
  return position < 0 ? list.push(value) - 1 : position
}
