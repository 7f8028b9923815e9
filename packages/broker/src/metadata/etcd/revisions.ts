/**
 * What this process knows of etcd's revision: the newest that it has heard of, and whether an answer can be true. Also
 * where a watch that lags behind is found out.
 *
 * A linearizable answer never shows a revision below one that was known when the question was sent, and all members
 * belong to one cluster. Where this does not hold, etcd was put back from a backup or its data was lost: documents that
 * brokers have acted on are gone, and no compare would notice. The store refuses to go on then.
 */
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { StoreBroken } from '../store.ts'

export interface Header {
  readonly clusterId: bigint
  readonly revision: number
}

/** A number that only rises, and those who wait for it. */
export class Level {
  readonly #timers: Timers
  #value: number
  #changed: Deferred<void> = deferred()

  constructor(value: number, timers: Timers) {
    this.#value = value
    this.#timers = timers
  }

  get value(): number {
    return this.#value
  }

  raise(value: number): void {
    if (value <= this.#value) return
    this.#value = value
    this.#changed.resolve()
    this.#changed = deferred()
  }

  /** Resolves once the level has reached `value`, or after `timeoutMs`; rejects when the signal aborts. */
  async until(value: number, { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal }): Promise<boolean> {
    const late = new AbortController()
    const waiting = AbortSignal.any([signal, late.signal])
    let isLate = false
    const timer = this.#timers.sleep(timeoutMs, { signal: waiting }).then(() => {
      isLate = true
    })
    timer.catch(() => {})
    try {
      while (this.#value < value && !isLate) await Promise.race([this.#changed.promise, timer])
      return this.#value >= value
    } finally {
      late.abort()
    }
  }
}

export class Revisions {
  /** The newest revision that anything has shown. */
  readonly heard: Level
  #clusterId: bigint | null = null

  constructor(timers: Timers) {
    this.heard = new Level(0, timers)
  }

  /** `known` is what was heard of when the question was sent. Throws StoreBroken. */
  accept(header: Header | null, known: number, endpoints: string): void {
    const { clusterId, revision } = header ?? { clusterId: 0n, revision: 0 }
    this.#clusterId ??= clusterId
    if (clusterId !== this.#clusterId) {
      const names = `${hex(this.#clusterId)} and ${hex(clusterId)}`
      throw new StoreBroken(
        `Cannot go on: ${endpoints} are members of different etcd clusters (${names}); correct metadata.store and start this broker again`,
      )
    }
    if (revision < known) throw wentBack(revision, known, endpoints)
    this.heard.raise(revision)
  }
}

export function wentBack(revision: number | null, known: number, endpoints: string): StoreBroken {
  const found = revision === null ? 'does not have it any more' : `is at ${revision}`
  return new StoreBroken(
    `Cannot go on: etcd at ${endpoints} went back in time: this broker has seen revision ${known}, etcd ${found}. ` +
      'Was it put back from a backup? See docs/etcd.md before starting brokers again',
  )
}

function hex(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16)
}
