/** For the log's crash suite: what may happen under a seed, counted, so that a suite which tests nothing is noticed. */

const EVENTS = [
  'appended, acks=all',
  'appended, acks=1 or 0',
  'appended by an idempotent producer',
  'acknowledged, acks=all',
  'append refused by a failed log',
  'retry answered',
  'gap refused',
  'read',
  'looked up by time',
  'synced',
  'rolled',
  'records deleted',
  'segments deleted',
  'truncated',
  'checkpoint written',
  'leader elected',
  'syncs held or let go',
  'write failed',
  'sync failed',
  'another operation failed',
  'disk filled',
  'log went offline',
  'log came back',
  'retention deleted segments',
  'start failed',
  'stopped in order',
  'process killed',
  'machine crashed',
  'machine crashed while starting',
  'machine crashed while stopping',
  'recovered after an orderly stop',
  'recovery cut a torn tail',
  'recovery removed segments behind a gap',
  'unsynced batches lost',
] as const

export type EventName = (typeof EVENTS)[number]

export class Events {
  readonly #counts = new Map<EventName, number>(EVENTS.map((name) => [name, 0]))

  add(name: EventName): void {
    this.#counts.set(name, this.#counts.get(name)! + 1)
  }

  addAll(other: Events): void {
    for (const [name, count] of other.#counts) this.#counts.set(name, this.#counts.get(name)! + count)
  }

  get counts(): ReadonlyMap<EventName, number> {
    return this.#counts
  }

  /** What has never happened. */
  get missing(): EventName[] {
    return EVENTS.filter((name) => this.#counts.get(name) === 0)
  }
}
