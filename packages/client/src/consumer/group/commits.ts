/**
 * Owns the commits of one member: one after another, so that an older offset never overtakes a newer one, tried again
 * while the coordinator moves or the group rebalances, each time as who the member is by then.
 */
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../../client.ts'
import { backoffMs, isRetriable } from '../../retry.ts'
import type { Coordinator } from './coordinator.ts'
import { type GroupPartition, groupError, type MemberIdentity } from './membership.ts'
import { commitOnce, type NewOffset } from './offsets.ts'

export interface CommitsOptions {
  readonly client: Client
  readonly coordinator: Coordinator
  readonly identity: () => MemberIdentity
  /** Of those that were stored. */
  readonly onCommitted: (offsets: readonly NewOffset[]) => void
}

/** For all attempts together, in ms. */
const COMMIT_TIMEOUT_MS = 60_000

/** They pass when the rebalance is done, and the member knows its new generation or epoch. */
const REBALANCING: readonly ErrorName[] = ['REBALANCE_IN_PROGRESS', 'STALE_MEMBER_EPOCH']
/** The member was thrown out, unless it has become another one while the request was under way. */
const THROWN_OUT: readonly ErrorName[] = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_MEMBER_EPOCH']

export class Commits {
  readonly #options: CommitsOptions
  #turn: Promise<void> = Promise.resolve()

  constructor(options: CommitsOptions) {
    this.#options = options
  }

  /** Resolves when all that were asked for so far have ended, however they did. */
  get underWay(): Promise<void> {
    return this.#turn
  }

  /** Rejects with ProtocolError, as a lost connection does when that lasts, or with the signal's reason. */
  async commit(
    offsets: readonly NewOffset[],
    options: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<void> {
    if (offsets.length === 0) return
    const before = this.#turn
    const mine = before.then(async () => await this.#commit(offsets, options))
    this.#turn = mine.catch(() => {})
    await mine
  }

  async #commit(offsets: readonly NewOffset[], options: { timeoutMs?: number; signal?: AbortSignal }): Promise<void> {
    const { client } = this.#options
    const { clock, timers, random } = client.ports
    const { timeoutMs = COMMIT_TIMEOUT_MS, ...abort } = options
    const deadlineMs = clock.monotonicMs() + timeoutMs
    for (let failures = 1, open = offsets; ; failures++) {
      const outcome = await this.#attempt(open, { timeoutMs: Math.max(1, deadlineMs - clock.monotonicMs()), ...abort })
      if (outcome.error === null) return
      const waitMs = backoffMs(failures, { backoff: client.backoff, random })
      if (!outcome.mayPass || clock.monotonicMs() + waitMs > deadlineMs) throw outcome.error
      await timers.sleep(waitMs, abort)
      open = outcome.open
    }
  }

  async #attempt(
    offsets: readonly NewOffset[],
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<{ error: Error | null; mayPass: boolean; open: readonly NewOffset[] }> {
    const { coordinator, identity } = this.#options
    const me = identity()
    // Without a generation it would count as an admin's commit, and be taken where nobody is in the group.
    if (me.epoch <= 0) return { error: this.#error('UNKNOWN_MEMBER_ID'), mayPass: false, open: offsets }
    try {
      const outcomes = await commitOnce(coordinator, { offsets, identity: me, ...options })
      const failed = outcomes.filter(({ error }) => error !== 'NONE')
      const isOpen = (one: GroupPartition): boolean =>
        failed.some(({ topic, partition }) => topic === one.topic && partition === one.partition)
      this.#options.onCommitted(offsets.filter((one) => !isOpen(one)))
      const first = failed[0]
      if (first === undefined) return { error: null, mayPass: false, open: [] }
      const isOther = identity().epoch !== me.epoch
      const mayPass = failed.every(({ error }) => this.#mayPass(error, isOther))
      return { error: this.#error(first.error), mayPass, open: offsets.filter(isOpen) }
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!(error instanceof Error)) throw error
      return { error, mayPass: isRetriable(error), open: offsets }
    }
  }

  #mayPass(error: ErrorName, isOther: boolean): boolean {
    if (REBALANCING.includes(error)) return true
    if (THROWN_OUT.includes(error)) return isOther
    // A topic that is gone does not come back with the same offsets.
    return error !== 'UNKNOWN_TOPIC_OR_PARTITION' && new ProtocolError(error).retriable
  }

  #error(error: ErrorName): ProtocolError {
    const what = `commit offsets of group "${this.#options.coordinator.groupId}"`
    if (!THROWN_OUT.includes(error)) return groupError(what, error)
    return groupError(what, error, 'the member was thrown out, its partitions belong to others now')
  }
}

/** What a regular commit need not report: it passes, or the membership says it better. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof ProtocolError)) return isRetriable(error)
  const { error: name } = error
  return error.retriable || name === 'FENCED_INSTANCE_ID' || [...REBALANCING, ...THROWN_OUT].includes(name)
}
