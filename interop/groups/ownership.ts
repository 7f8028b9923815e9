/**
 * Owns who has owned which partitions of one group, and from which offset on, as the coordinator's log tells it. From
 * that follows what a member may be delivered, and how often: a record comes to a member once for each time that it took
 * the partition over while the record was not committed. Also notices two owners at once.
 */
import type { GroupEvent } from './coordinator-log.ts'

/** One time that a member owned a partition: what was not committed then is its to read. */
interface Span {
  readonly clientId: string
  readonly fromOffset: number
}

export class Ownership {
  /** By partition, in the order of time. */
  readonly #spans = new Map<string, Span[]>()
  readonly #committed = new Map<string, number>()
  readonly #clientIds = new Map<string, string>()
  /** Of KIP-848: by member id. */
  readonly #owned = new Map<string, ReadonlySet<string>>()
  /** Of the classic protocol: by client id. */
  #generation: ReadonlyMap<string, readonly string[]> = new Map()
  readonly #rereads: boolean
  /** In words. */
  readonly faults: string[] = []
  /** With the times of the log. */
  readonly rounds: { readonly round: number; readonly timestampMs: number }[] = []

  /** `rereads`: with each change members go back to what is committed also where they keep a partition. */
  constructor(options: { rereads: boolean }) {
    this.#rereads = options.rereads
  }

  take(event: GroupEvent): void {
    switch (event.kind) {
      case 'commit':
        this.#committed.set(event.partition, event.offset)
        break
      case 'member':
        this.#clientIds.set(event.memberId, event.clientId)
        break
      case 'generation':
        this.#takeGeneration(event.owners)
        this.#takeRound(event)
        break
      case 'epoch':
        this.#takeRound(event)
        break
      case 'owned':
        this.#takeOwned(event.memberId, new Set(event.partitions))
    }
  }

  /** How often a member may have been delivered a record. */
  deliveriesMax(clientId: string, { partition, offset }: { partition: string; offset: number }): number {
    const spans = this.#spans.get(partition) ?? []
    return spans.filter((span) => span.clientId === clientId && span.fromOffset <= offset).length
  }

  #takeRound({ round, timestampMs }: { round: number; timestampMs: number }): void {
    if (this.rounds.at(-1)?.round !== round) this.rounds.push({ round, timestampMs })
  }

  #takeGeneration(owners: ReadonlyMap<string, readonly string[]>): void {
    const taken = new Map<string, string>()
    for (const [clientId, partitions] of owners) {
      const before = this.#rereads ? [] : (this.#generation.get(clientId) ?? [])
      for (const partition of partitions) {
        const other = taken.get(partition)
        if (other !== undefined) this.faults.push(`${partition} is given to ${other} and to ${clientId}`)
        taken.set(partition, clientId)
        if (!before.includes(partition)) this.#begin(partition, clientId)
      }
    }
    this.#generation = owners
  }

  #takeOwned(memberId: string, partitions: ReadonlySet<string>): void {
    const clientId = this.#clientIds.get(memberId) ?? memberId
    const before = this.#owned.get(memberId)
    for (const partition of partitions) {
      const isKept = before?.has(partition) === true
      if (!isKept) this.#checkFree(partition, memberId)
      if (!isKept || this.#rereads) this.#begin(partition, clientId)
    }
    this.#owned.set(memberId, partitions)
  }

  #checkFree(partition: string, memberId: string): void {
    for (const [other, owned] of this.#owned)
      if (other !== memberId && owned.has(partition))
        this.faults.push(`${partition} is given to ${memberId} while ${other} has it`)
  }

  #begin(partition: string, clientId: string): void {
    const spans = this.#spans.get(partition) ?? []
    spans.push({ clientId, fromOffset: this.#committed.get(partition) ?? 0 })
    this.#spans.set(partition, spans)
  }
}
