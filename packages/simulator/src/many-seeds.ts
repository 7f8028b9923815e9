/** The sum of many seed runs: which have failed, what has happened how often, and what has never happened. Pure. */
import { EVENTS, type EventName, RARE_EVENTS } from './checkers/events.ts'

/** One run, small enough to pass from process to process. */
export interface SeedSummary {
  readonly seed: number | string
  readonly anomalies: readonly string[]
  /** The transcript's end; empty where all was kept. */
  readonly told: readonly string[]
  readonly counts: { readonly [event in EventName]?: number }
  readonly cpuMs: number
}

/** So few may lack any event. */
const SEEDS_MIN = 100

export class ManySeeds {
  readonly #counts = new Map<EventName, number>(EVENTS.map((name) => [name, 0]))
  #seeds = 0
  #failed = 0
  #cpuMs = 0

  add({ anomalies, counts, cpuMs }: SeedSummary): void {
    this.#seeds++
    this.#cpuMs += cpuMs
    if (anomalies.length > 0) this.#failed++
    for (const name of EVENTS) this.#counts.set(name, this.#counts.get(name)! + (counts[name] ?? 0))
  }

  get seeds(): number {
    return this.#seeds
  }

  get failed(): number {
    return this.#failed
  }

  get cpuSecondsEach(): number {
    return this.#seeds === 0 ? 0 : this.#cpuMs / 1000 / this.#seeds
  }

  /** What should have happened in so many runs and has not: they have shown nothing about it. */
  get absent(): EventName[] {
    if (this.#seeds < SEEDS_MIN) return []
    return EVENTS.filter((name) => this.#counts.get(name) === 0 && !RARE_EVENTS.includes(name))
  }

  get line(): string {
    return Array.from(this.#counts, ([name, count]) => `${name}: ${count}`).join(', ')
  }
}
