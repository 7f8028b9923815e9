/** What every kind of fault is made of. */
import type { Random } from '@ottla/base/random.ts'
import type { Events } from '../checkers/events.ts'
import type { SimulatedCluster } from '../cluster.ts'

export interface FaultHost {
  readonly cluster: SimulatedCluster
  readonly random: Random
  readonly events: Events
  readonly tell: (line: string) => void
  /** Lets it happen after a time that is drawn, at the latest when everything heals. Answers when, in ms. */
  readonly later: (act: () => void, msMax?: number) => number
  /** As `later`, at a time that is given. */
  readonly after: (delayMs: number, act: () => void) => number
  readonly pick: <T>(items: readonly T[]) => T
}

/** Begins at the broker of this id, where it can. */
export type Fault = readonly [weight: number, begin: (id: number) => void]
