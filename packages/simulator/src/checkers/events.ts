/** What can happen in a seed run, and how often it has. Of many seeds none of these may be absent. */
export const EVENTS = [
  'crash',
  'power loss',
  'lost bytes',
  'torn bytes',
  'stop',
  'pause',
  'pause without lease',
  'cut',
  'one-way cut',
  'slow way',
  'lost answers',
  'reset',
  'store cut',
  'store down',
  'slow store',
  'lease lost',
  'clock ahead',
  'clock back',
  'slow syncs',
  'full disk',
  'failed write',
  'failed sync',
  'log offline',
  'log online again',
  'new disk',
  'broker failed',
  'start failed',
  'leader elected',
  'controller elected',
  'coordinator moved',
  'partition without leader',
  'ISR shrink',
  'ISR growth',
  'truncation',
  'divergence',
  'delivery failed',
  'rebalance',
  'member dies',
  'partitions lost',
  'member failed',
  'records deleted',
  'config altered',
  'reassignment',
  'reassignment completed',
  'topic made anew',
  'partitions added',
  'compaction',
  'compaction under read',
  'retention',
] as const

/** What nothing in a run asks for: told where it happens, never missed. */
export const RARE_EVENTS: readonly EventName[] = ['broker failed']

export type EventName = (typeof EVENTS)[number]

export class Events {
  readonly counts = new Map<EventName, number>(EVENTS.map((name) => [name, 0]))

  count(name: EventName, times = 1): void {
    this.counts.set(name, this.counts.get(name)! + times)
  }
}
