/**
 * Owns one member of a group of the consumer protocol (KIP-848): heartbeats that join, keep and leave, and the way from
 * the partitions that it has to those that the coordinator wants it to have.
 *
 * 1. What is to go is revoked: the application has done with it, its offsets are committed.
 * 2. Then a heartbeat says so, at once, so that other members get it; in it stand all partitions that are left.
 * 3. What is new is read from then on, and acknowledged likewise.
 * Heartbeats in between say nothing of partitions. After an error the next one says everything again, because the
 * coordinator may not have heard the last one.
 */
import { randomUuid } from '@ottla/base/random.ts'
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import type { RequestInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { backoffMs, isRetriable } from '../../retry.ts'
import { Alarm } from './alarm.ts'
import {
  type GroupPartition,
  groupError,
  type MemberIdentity,
  type Membership,
  type MembershipOptions,
  without,
} from './membership.ts'
import { SubscribedTopics } from './subscribed-topics.ts'

/** Of a topic that may be another one of the same name later. */
interface OwnedPartition extends GroupPartition {
  readonly topicId: string
}

const JOIN_EPOCH = 0
const LEAVE_EPOCH = -1
/** A static member says that it will be back. */
const LEAVE_FOR_A_WHILE_EPOCH = -2
/** Until the coordinator has named its own interval, in ms. */
const HEARTBEAT_INTERVAL_MS = 3_000
/** The first version that takes a pattern. */
const PATTERN_VERSION_MIN = 1

type Request = RequestInputOf<typeof ConsumerGroupHeartbeat>
type Answer = ResponseOf<typeof ConsumerGroupHeartbeat>

export class ConsumerMembership implements Membership {
  readonly #options: MembershipOptions & { readonly serverAssignor: string | null }
  readonly #topics: SubscribedTopics
  readonly #memberId: string
  readonly #due: Alarm
  #signal = AbortSignal.abort()
  #epoch = JOIN_EPOCH
  #intervalMs = HEARTBEAT_INTERVAL_MS
  #owned: readonly OwnedPartition[] = []
  #target: readonly OwnedPartition[] = []
  #isReconciling = false
  #saysAll = true
  #saysOwned = false
  #losses = 0
  #failures = 0

  constructor(options: MembershipOptions & { readonly serverAssignor: string | null }) {
    this.#options = options
    const { client, subscription } = options
    // A pattern is the coordinator's to apply.
    this.#topics = new SubscribedTopics(client, 'topics' in subscription ? subscription : { topics: [] })
    this.#memberId = randomUuid(client.ports.random)
    this.#due = new Alarm(client.ports.timers)
  }

  get identity(): MemberIdentity {
    return { memberId: this.#memberId, epoch: this.#epoch, groupInstanceId: this.#options.groupInstanceId }
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    try {
      while (!signal.aborted) {
        await this.#beat()
        const { backoff, ports } = this.#options.client
        const againMs = backoffMs(Math.max(1, this.#failures), { backoff, random: ports.random })
        await this.#due.wait(this.#failures > 0 ? Math.min(againMs, this.#intervalMs) : this.#intervalMs, signal)
      }
    } catch (error) {
      if (!signal.aborted) this.#fail(error)
    }
  }

  async leave({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { coordinator, groupInstanceId: instanceId } = this.#options
    const memberEpoch = instanceId === null ? LEAVE_EPOCH : LEAVE_FOR_A_WHILE_EPOCH
    this.#epoch = memberEpoch
    await coordinator.ask({
      api: ConsumerGroupHeartbeat,
      request: { groupId: coordinator.groupId, memberId: this.#memberId, memberEpoch, instanceId },
      codes: ({ errorCode }) => [errorCode],
      retryForMs: Number.POSITIVE_INFINITY,
      signal,
    })
  }

  async #beat(): Promise<void> {
    const { coordinator, subscription, lane } = this.#options
    const { request, saidOwned } = this.#request()
    let answer: Answer
    try {
      answer = await coordinator.once({
        api: ConsumerGroupHeartbeat,
        request,
        codes: ({ errorCode }) => [errorCode],
        lane,
        ...('pattern' in subscription ? { versionMin: PATTERN_VERSION_MIN } : {}),
        signal: this.#signal,
      })
    } catch (error) {
      if (!isRetriable(error)) throw error
      return this.#onTrouble()
    }
    const error = errorName(answer.errorCode)
    if (error !== 'NONE') return await this.#onError(error, answer.errorMessage)
    this.#failures = 0
    this.#saysAll = false
    if (saidOwned !== null) this.#saysOwned = this.#owned !== saidOwned
    this.#epoch = answer.memberEpoch
    this.#intervalMs = answer.heartbeatIntervalMs
    if (answer.assignment !== null) await this.#take(answer.assignment)
  }

  #request(): { request: Request; saidOwned: readonly OwnedPartition[] | null } {
    const { coordinator, subscription, groupInstanceId: instanceId, rebalanceTimeoutMs, serverAssignor } = this.#options
    const isAll = this.#saysAll || this.#epoch === JOIN_EPOCH
    const saidOwned = isAll || this.#saysOwned ? this.#owned : null
    const isPattern = 'pattern' in subscription
    const request = {
      groupId: coordinator.groupId,
      memberId: this.#memberId,
      memberEpoch: this.#epoch,
      instanceId,
      topicPartitions: saidOwned === null ? null : byId(saidOwned),
      ...(isAll ? { rebalanceTimeoutMs, serverAssignor } : {}),
      ...(isAll && !isPattern ? { subscribedTopicNames: subscription.topics } : {}),
      // The coordinator takes null names for unchanged: none at all are said as such.
      ...(isAll && isPattern
        ? { subscribedTopicRegex: subscription.pattern, subscribedTopicNames: [] as string[] }
        : {}),
    }
    return { request, saidOwned }
  }

  async #take({ topicPartitions }: NonNullable<Answer['assignment']>): Promise<void> {
    const target: OwnedPartition[] = []
    for (const { topicId, partitions } of topicPartitions) {
      const topic = await this.#nameOf(topicId)
      // The full heartbeat that follows is answered with the assignment again.
      if (topic === null) this.#saysAll = true
      else target.push(...partitions.map((partition) => ({ topicId, topic, partition })))
    }
    this.#target = target
    if (!this.#isReconciling) void this.#reconcile()
  }

  async #nameOf(topicId: string): Promise<string | null> {
    const known = this.#owned.find((one) => one.topicId === topicId)
    if (known !== undefined) return known.topic
    try {
      await this.#topics.look({ signal: this.#signal })
      return await this.#topics.nameOf(topicId, { signal: this.#signal })
    } catch (error) {
      if (!isRetriable(error)) throw error
      return null
    }
  }

  /** Until what we have is what we should have, which may change meanwhile. */
  async #reconcile(): Promise<void> {
    this.#isReconciling = true
    try {
      while (!this.#signal.aborted && (await this.#reconcileOnce())) {}
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#isReconciling = false
    }
  }

  /** False when there was nothing to do. */
  async #reconcileOnce(): Promise<boolean> {
    const { host } = this.#options
    const losses = this.#losses
    const gone = without(this.#owned, this.#target, idKey)
    if (gone.length > 0) {
      await host.revoke(gone)
      if (losses === this.#losses) this.#own(without(this.#owned, gone, idKey))
      return true
    }
    const added = without(this.#target, this.#owned, idKey)
    if (added.length === 0) return false
    this.#own([...this.#owned, ...added])
    await host.assign(added)
    return true
  }

  #own(partitions: readonly OwnedPartition[]): void {
    this.#owned = partitions
    this.#saysOwned = true
    this.#due.ring()
  }

  async #onError(error: ReturnType<typeof errorName>, message: string | null): Promise<void> {
    const isMember = this.#epoch > JOIN_EPOCH
    const isFenced =
      error === 'FENCED_MEMBER_EPOCH' ||
      error === 'UNKNOWN_MEMBER_ID' ||
      error === 'STALE_MEMBER_EPOCH' ||
      // The group was deleted, or its last state was lost: it is made anew by whoever joins.
      (error === 'GROUP_ID_NOT_FOUND' && isMember)
    if (isFenced) {
      await this.#lose()
      return this.#onTrouble()
    }
    if (isRetriable(new ProtocolError(error))) return this.#onTrouble()
    throw groupError(`join group "${this.#options.coordinator.groupId}"`, error, message)
  }

  #onTrouble(): void {
    this.#failures++
    this.#saysAll = true
  }

  async #lose(): Promise<void> {
    this.#losses++
    this.#epoch = JOIN_EPOCH
    this.#target = []
    const hadSome = this.#owned.length > 0
    this.#owned = []
    if (hadSome) await this.#options.host.lose()
  }

  #fail(error: unknown): void {
    if (!this.#signal.aborted) this.#options.host.fail(error instanceof Error ? error : new Error(String(error)))
  }
}

function idKey({ topicId, partition }: OwnedPartition): string {
  return `${partition} ${topicId}`
}

function byId(partitions: readonly OwnedPartition[]): { topicId: string; partitions: number[] }[] {
  const topics = new Map<string, number[]>()
  for (const { topicId, partition } of partitions) topics.set(topicId, [...(topics.get(topicId) ?? []), partition])
  return [...topics].map(([topicId, numbers]) => ({ topicId, partitions: numbers }))
}
