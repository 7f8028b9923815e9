/**
 * Owns one member of a classic group: joins, shares out the partitions where it leads, syncs, heartbeats, and joins
 * again when the group rebalances, what it subscribes to changes, or it was thrown out (KIP-394, KIP-345, KIP-429).
 *
 * ```
 * eager        revoke all → JoinGroup → SyncGroup → read what was assigned
 * cooperative  JoinGroup (reading goes on) → SyncGroup → revoke what went → read what is new → JoinGroup if some went
 * ```
 * Heartbeats go on from one SyncGroup to the next JoinGroup, also while a slow application still holds what is to be
 * revoked. A JoinGroup is the sign of life itself while the coordinator keeps it.
 */
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import { LeaveGroup } from '@ottla/protocol/apis/13-leave-group.ts'
import { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import type { ResponseOf } from '@ottla/protocol/codec.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { backoffMs, isRetriable } from '../../retry.ts'
import { Alarm } from './alarm.ts'
import type { PartitionCounts } from './assignor.ts'
import { ASSIGNORS, type AssignorName } from './assignors.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  PROTOCOL_TYPE,
} from './consumer-protocol.ts'
import {
  type GroupPartition,
  groupError,
  type MemberIdentity,
  type Membership,
  type MembershipOptions,
  without,
} from './membership.ts'
import { SubscribedTopics } from './subscribed-topics.ts'

/** What the coordinator may take beyond the rebalance itself, in ms: its initial delay, and the way. */
const REBALANCE_MARGIN_MS = 10_000
/** Between two looks at what is subscribed to, in ms. */
const WATCH_INTERVAL_MS = 1_000
/** Names members rather than one, as static members need. */
const LEAVE_VERSION_MIN = 3

export interface ClassicOptions extends MembershipOptions {
  /** The preferred one first. */
  readonly assignors: readonly AssignorName[]
  readonly heartbeatIntervalMs: number
}

type Joined = ResponseOf<typeof JoinGroup>

export class ClassicMembership implements Membership {
  readonly #options: ClassicOptions
  readonly #assignors: readonly AssignorName[]
  readonly #isEager: boolean
  readonly #topics: SubscribedTopics
  readonly #rejoin: Alarm
  #signal = AbortSignal.abort()
  #beating = new AbortController()
  #memberId = ''
  #generation = -1
  #owned: readonly GroupPartition[] = []
  /** What was last assigned, in which generation: for stickiness, also after it was revoked to join. */
  #last: { partitions: readonly GroupPartition[]; generation: number } = { partitions: [], generation: -1 }
  #needsJoin = true
  #losses = 0
  #failures = 0
  #joinedNames: readonly string[] = []
  /** The leader's: the topics of all members, and what they were when it shared them out. */
  #shared: { names: readonly string[]; counts: PartitionCounts } | null = null

  constructor(options: ClassicOptions) {
    this.#options = options
    this.#assignors = options.assignors
    // Members of one group have to agree, so a list that holds an eager assignor is eager as a whole.
    this.#isEager = options.assignors.some((name) => name !== 'cooperative-sticky')
    this.#topics = new SubscribedTopics(options.client, options.subscription)
    this.#rejoin = new Alarm(options.client.ports.timers)
  }

  get identity(): MemberIdentity {
    return { memberId: this.#memberId, epoch: this.#generation, groupInstanceId: this.#options.groupInstanceId }
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    try {
      while (!signal.aborted) {
        await this.#round()
        while (!this.#needsJoin) await this.#watch()
      }
    } catch (error) {
      if (!signal.aborted) this.#options.host.fail(error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#beating.abort()
    }
  }

  /** A static member stays: it is expected back with the same partitions within its session. */
  async leave({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const memberId = this.#memberId
    const { coordinator, groupInstanceId } = this.#options
    if (memberId === '' || groupInstanceId !== null) return
    this.#memberId = ''
    this.#generation = -1
    await coordinator.ask({
      api: LeaveGroup,
      request: {
        groupId: coordinator.groupId,
        members: [{ memberId, groupInstanceId, reason: 'the consumer was disposed' }],
      },
      codes: ({ errorCode }) => [errorCode],
      versionMin: LEAVE_VERSION_MIN,
      retryForMs: Number.POSITIVE_INFINITY,
      signal,
    })
  }

  /** From one join to the next. Whatever stops it half-way has asked for another one. */
  async #round(): Promise<void> {
    if (this.#isEager && this.#owned.length > 0) await this.#revoke(this.#owned)
    this.#beating.abort()
    // What heartbeats asked for while something was revoked is this very join.
    this.#needsJoin = false
    await this.#look({ now: true })
    const joined = await this.#join()
    if (joined === null) return
    const assigned = await this.#sync(joined)
    if (assigned === null) return
    this.#failures = 0
    this.#startBeating()
    await this.#adopt(assigned)
  }

  async #join(): Promise<Joined | null> {
    const { coordinator, sessionTimeoutMs, rebalanceTimeoutMs, groupInstanceId, lane } = this.#options
    this.#joinedNames = this.#topics.names
    const metadata = encodeSubscription(
      {
        topics: this.#joinedNames,
        owned: this.#isEager ? this.#last.partitions : this.#owned,
        generation: this.#last.generation,
      },
      { eager: this.#isEager },
    )
    const request = {
      groupId: coordinator.groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.#memberId,
      groupInstanceId,
      protocolType: PROTOCOL_TYPE,
      protocols: this.#assignors.map((name) => ({ name, metadata })),
    }
    const timeoutMs = rebalanceTimeoutMs + REBALANCE_MARGIN_MS
    const codes = ({ errorCode }: { errorCode: number }): number[] => [errorCode]
    const answer = await this.#attempt(
      coordinator.once({ api: JoinGroup, request, codes, lane, timeoutMs, signal: this.#signal }),
    )
    if (answer === null) return null
    this.#memberId = answer.errorCode === 0 ? answer.memberId : this.#memberId
    const error = errorName(answer.errorCode)
    if (error === 'MEMBER_ID_REQUIRED') this.#memberId = answer.memberId
    if (error === 'MEMBER_ID_REQUIRED') this.#askToJoin()
    else if (error !== 'NONE') await this.#onError('join', error)
    else this.#generation = answer.generationId
    return error === 'NONE' ? answer : null
  }

  async #sync(joined: Joined): Promise<readonly GroupPartition[] | null> {
    const { coordinator, rebalanceTimeoutMs, groupInstanceId, lane } = this.#options
    const request = {
      groupId: coordinator.groupId,
      generationId: joined.generationId,
      memberId: this.#memberId,
      groupInstanceId,
      protocolType: joined.protocolType ?? PROTOCOL_TYPE,
      protocolName: joined.protocolName,
      assignments: await this.#share(joined),
    }
    const timeoutMs = rebalanceTimeoutMs + REBALANCE_MARGIN_MS
    const codes = ({ errorCode }: { errorCode: number }): number[] => [errorCode]
    const answer = await this.#attempt(
      coordinator.once({ api: SyncGroup, request, codes, lane, timeoutMs, signal: this.#signal }),
    )
    if (answer === null) return null
    const error = errorName(answer.errorCode)
    if (error !== 'NONE') await this.#onError('sync', error)
    return error === 'NONE' ? decodeAssignment(answer.assignment) : null
  }

  /** The leader's part: everybody's partitions. Others, and a leader that has come back to a stable group, have none. */
  async #share(joined: Joined): Promise<{ memberId: string; assignment: Buffer }[]> {
    this.#shared = null
    if (joined.leader !== this.#memberId) return []
    const members = joined.members.map(({ memberId, groupInstanceId, metadata }) => {
      return { memberId, groupInstanceId, ...decodeSubscription(metadata) }
    })
    const names = [...new Set(members.flatMap(({ topics }) => topics))].sort()
    await this.#look({ also: names, now: true })
    const counts = this.#topics.counts(names)
    this.#shared = { names, counts }
    if (joined.skipAssignment) return []
    const assignor = ASSIGNORS[joined.protocolName as AssignorName]
    if (assignor === undefined) throw groupError('lead the group', 'INCONSISTENT_GROUP_PROTOCOL')
    const shares = assignor(members, counts)
    return [...shares].map(([memberId, places]) => ({ memberId, assignment: encodeAssignment(places) }))
  }

  async #adopt(assigned: readonly GroupPartition[]): Promise<void> {
    const losses = this.#losses
    this.#last = { partitions: assigned, generation: this.#generation }
    const gone = without(this.#owned, assigned)
    if (gone.length > 0) await this.#revoke(gone)
    if (losses !== this.#losses) return
    const added = without(assigned, this.#owned)
    this.#owned = assigned
    if (added.length > 0) await this.#options.host.assign(added)
    // Who gets them learns it in the next round.
    if (gone.length > 0) this.#askToJoin()
  }

  async #revoke(partitions: readonly GroupPartition[]): Promise<void> {
    await this.#options.host.revoke(partitions)
    this.#owned = without(this.#owned, partitions)
  }

  #askToJoin(): void {
    this.#needsJoin = true
    this.#rejoin.ring()
  }

  #startBeating(): void {
    this.#beating = new AbortController()
    const signal = AbortSignal.any([this.#beating.signal, this.#signal])
    this.#beat(signal).catch((error: unknown) => {
      if (!signal.aborted) this.#options.host.fail(error instanceof Error ? error : new Error(String(error)))
    })
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const {
      coordinator,
      client,
      groupInstanceId,
      sessionTimeoutMs,
      heartbeatIntervalMs: intervalMs,
      lane,
    } = this.#options
    const generationId = this.#generation
    for (let failures = 0; ; ) {
      const waitMs = failures === 0 ? intervalMs : Math.min(intervalMs, this.#backoffMs(failures))
      await client.ports.timers.sleep(waitMs, { signal })
      const request = { groupId: coordinator.groupId, generationId, memberId: this.#memberId, groupInstanceId }
      try {
        const codes = ({ errorCode }: { errorCode: number }): number[] => [errorCode]
        const timeoutMs = sessionTimeoutMs
        const answer = await coordinator.once({ api: Heartbeat, request, codes, lane, timeoutMs, signal })
        failures = 0
        const error = errorName(answer.errorCode)
        if (error === 'REBALANCE_IN_PROGRESS') this.#askToJoin()
        else if (error !== 'NONE') return await this.#onError('stay in', error)
      } catch (error) {
        if (!isRetriable(error)) throw error
        failures++
      }
    }
  }

  /** Waits a little, then looks whether what was subscribed to, or shared out, is another now. */
  async #watch(): Promise<void> {
    await this.#rejoin.wait(WATCH_INTERVAL_MS, this.#signal)
    if (this.#needsJoin) return
    this.#options.client.metadata.refreshIfOld()
    const shared = this.#shared
    await this.#look(shared === null ? {} : { also: shared.names })
    const isSame = (a: readonly string[], b: readonly string[]): boolean => a.join('\n') === b.join('\n')
    if (!isSame(this.#topics.names, this.#joinedNames)) return this.#askToJoin()
    if (shared === null) return
    const countsText = (counts: PartitionCounts): string[] => [...counts].map(([name, count]) => `${name} ${count}`)
    if (!isSame(countsText(this.#topics.counts(shared.names)), countsText(shared.counts))) this.#askToJoin()
  }

  /** What cannot be looked up now is looked up later. */
  async #look(options: { now?: boolean; also?: readonly string[] }): Promise<void> {
    try {
      await this.#topics.look({ ...options, signal: this.#signal })
    } catch (error) {
      if (!isRetriable(error)) throw error
    }
  }

  /** Null where it failed and is to be tried again from the join on. */
  async #attempt<T>(answer: Promise<T>): Promise<T | null> {
    try {
      return await answer
    } catch (error) {
      if (!isRetriable(error)) throw error
      await this.#options.client.ports.timers.sleep(this.#backoffMs(++this.#failures), { signal: this.#signal })
      this.#askToJoin()
      return null
    }
  }

  /** The member joins again, as another one where it is not known any more; or it cannot go on. */
  async #onError(what: string, error: ReturnType<typeof errorName>): Promise<void> {
    const { coordinator, client } = this.#options
    const isThrownOut = error === 'UNKNOWN_MEMBER_ID' || error === 'ILLEGAL_GENERATION'
    const isPassing = error === 'REBALANCE_IN_PROGRESS' || isRetriable(new ProtocolError(error))
    if (!isThrownOut && !isPassing) throw groupError(`${what} group "${coordinator.groupId}"`, error)
    if (error === 'UNKNOWN_MEMBER_ID') this.#memberId = ''
    if (isThrownOut) await this.#lose()
    if (error !== 'REBALANCE_IN_PROGRESS')
      await client.ports.timers.sleep(this.#backoffMs(++this.#failures), { signal: this.#signal })
    this.#askToJoin()
  }

  async #lose(): Promise<void> {
    this.#losses++
    this.#generation = -1
    this.#last = { ...this.#last, generation: -1 }
    const hadSome = this.#owned.length > 0
    this.#owned = []
    if (hadSome) await this.#options.host.lose()
  }

  #backoffMs(failures: number): number {
    const { client } = this.#options
    return backoffMs(failures, { backoff: client.backoff, random: client.ports.random })
  }
}
