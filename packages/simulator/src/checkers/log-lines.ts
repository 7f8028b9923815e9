/**
 * Reads what brokers log: some lines say that something happened which a run counts, and one that a promise of our own
 * code was broken is an anomaly, whatever became of it.
 */
import { AssertionError } from '@ottla/base/assert.ts'
import type { LogLine } from '@ottla/base/memory-logger.ts'
import type { SimulatedCluster } from '../cluster.ts'
import type { EventName, Events } from './events.ts'

const COUNTED: ReadonlyMap<string, EventName> = new Map([
  ['A partition is offline: its log failed. It is opened again when the disk works', 'log offline'],
  ['A partition is online again', 'log online again'],
  ['Compacted a log', 'compaction'],
  ['Deleted segments that retention.bytes does not keep', 'retention'],
])

/** What only our own mistakes throw. */
const MISTAKES = [AssertionError, TypeError, ReferenceError, SyntaxError]

export class LogLines {
  readonly #cluster: SimulatedCluster
  readonly #events: Events
  readonly #anomalies: string[]
  readonly #read = new Map<number, number>()

  constructor(cluster: SimulatedCluster, options: { events: Events; anomalies: string[] }) {
    this.#cluster = cluster
    this.#events = options.events
    this.#anomalies = options.anomalies
  }

  look(): void {
    for (const id of this.#cluster.ids) {
      const { lines } = this.#cluster.logger(id)
      for (let at = this.#read.get(id) ?? 0; at < lines.length; at++) this.#lookAt(id, lines[at]!)
      this.#read.set(id, lines.length)
    }
  }

  #lookAt(id: number, line: LogLine): void {
    const event = COUNTED.get(line.message)
    if (event !== undefined) this.#events.count(event)
    const { recordsRead = 0, recordsKept = 0 } = line.fields as { recordsRead?: number; recordsKept?: number }
    // Its readers go on meanwhile, as they do from the first moment of a run.
    if (event === 'compaction' && recordsKept < recordsRead) this.#events.count('compaction under read')
    const mistake = mistakeIn(line)
    if (mistake !== null) this.#anomalies.push(`mistake: broker ${id}: ${mistake}`)
  }
}

export function mistakeIn({ message, fields }: LogLine): string | null {
  for (let error = fields['error']; error instanceof Error; error = error.cause) {
    if (MISTAKES.some((kind) => error instanceof kind)) return `${message}: ${error.stack}`
  }
  return null
}
