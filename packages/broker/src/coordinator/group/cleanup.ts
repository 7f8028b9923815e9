/**
 * What becomes old: offsets that nobody needs any more, groups that have nothing left, offsets of deleted topics. Done
 * in pieces, so that neither a turn nor a batch grows with the number of groups. Owns which pieces are still to do.
 */

import type { ImageChange } from '../../metadata/image-change.ts'
import { type Step, step, type TimerStart, together } from '../machine.ts'
import type { AnyGroup } from './groups.ts'
import type { GroupOffsets } from './offsets.ts'
import { Tombstones } from './tombstones.ts'

/** In one turn: with few offsets each, about a millisecond. */
const GROUPS_PER_PIECE = 500
/** What the log did not take is offered again, but not at once. */
const RETRY_MS = 1000

const EXPIRY_KEY = 'offsets/expiry'
const TOPICS_KEY = 'offsets/deleted-topics'

export interface CleanupOptions {
  readonly groups: ReadonlyMap<string, AnyGroup>
  readonly offsets: GroupOffsets
  readonly retentionMs: (groupId: string) => number
  readonly checkIntervalMs: () => number
  /** The records that remove an empty group, and what ends with it. */
  readonly removal: (group: AnyGroup) => Step
}

export class Cleanup {
  readonly #options: CleanupOptions
  /** Groups that the pass under way has still to look at. */
  #unseen: string[] = []
  /** Their offsets are still to be removed. */
  readonly #deletedTopics = new Set<string>()

  constructor(options: CleanupOptions) {
    this.#options = options
  }

  /** To be started when the shard is loaded; it goes on by itself. */
  nextPass(): Step {
    return step({ timers: [this.#expiryTimer(this.#options.checkIntervalMs(), (nowMs) => this.#beginPass(nowMs))] })
  }

  /** A topic that came again under its old name is another one. */
  imageChanged({ topics }: ImageChange): Step {
    for (const { name, before, after } of topics) {
      const isGone = before !== undefined && after?.id !== before.id
      if (isGone && this.#options.offsets.hasTopic(name)) this.#deletedTopics.add(name)
    }
    return this.#deletedTopics.size === 0 ? step() : this.#removeDeletedTopics()
  }

  #beginPass(nowMs: number): Step {
    this.#unseen = [...this.#options.groups.keys()]
    return this.#continuePass(nowMs)
  }

  #continuePass(nowMs: number): Step {
    const tombstones = new Tombstones()
    const ends: Step[] = []
    for (let seen = 0; seen < GROUPS_PER_PIECE && this.#unseen.length > 0 && !tombstones.isFull; seen++) {
      const group = this.#options.groups.get(this.#unseen.pop()!)
      if (group === undefined) continue
      const isBare = this.#expire(group, tombstones, nowMs)
      // What did not fit of this group's offsets comes with the next piece.
      if (tombstones.isFull) this.#unseen.push(group.groupId)
      else if (isBare && group.isEmpty()) {
        const { records, ...end } = this.#options.removal(group)
        tombstones.takeAll(records)
        ends.push(step(end))
      }
    }
    const passed = step({ records: tombstones.records, refused: () => this.nextPass() })
    return together(passed, ...ends, this.#unseen.length === 0 ? this.nextPass() : this.#nextPiece())
  }

  #nextPiece(): Step {
    return step({ timers: [this.#expiryTimer(0, (nowMs) => this.#continuePass(nowMs))] })
  }

  /** Whether the group will have no offsets then. */
  #expire(group: AnyGroup, tombstones: Tombstones, nowMs: number): boolean {
    const { offsets, retentionMs } = this.#options
    const expired = offsets.expired(group, { nowMs, retentionMs: retentionMs(group.groupId) })
    const count = tombstones.take(expired)
    return count === offsets.countOf(group.groupId) && !offsets.hasOpenTransaction(group.groupId)
  }

  #removeDeletedTopics(): Step {
    const tombstones = new Tombstones()
    tombstones.take(this.#options.offsets.tombstonesOfTopics(this.#deletedTopics))
    if (tombstones.isFull) {
      return step({ records: tombstones.records, timers: [this.#topicsTimer(0)], refused: () => this.#retryTopics() })
    }
    const names = [...this.#deletedTopics]
    this.#deletedTopics.clear()
    const refused = () => {
      for (const name of names) this.#deletedTopics.add(name)
      return this.#retryTopics()
    }
    return step({ records: tombstones.records, refused })
  }

  #retryTopics(): Step {
    return step({ timers: [this.#topicsTimer(RETRY_MS)] })
  }

  #topicsTimer(afterMs: number): TimerStart {
    return { key: TOPICS_KEY, afterMs, fire: () => this.#removeDeletedTopics() }
  }

  #expiryTimer(afterMs: number, fire: (nowMs: number) => Step): TimerStart {
    return { key: EXPIRY_KEY, afterMs, fire }
  }
}
