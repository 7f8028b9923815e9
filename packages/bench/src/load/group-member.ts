/**
 * Owns one member of a group as the bench has them by the thousands: it joins, beats at its interval, takes what it is
 * assigned, and reads nothing. What happened to it is counted in a tally that all members share.
 */
import type { Timer, Timers } from '@ottla/base/timers.ts'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import type { ResponseOf } from '@ottla/protocol/codec.ts'
import { ConsumerProtocolAssignment, ConsumerProtocolSubscription } from '@ottla/protocol/embedded/consumer-protocol.ts'
import { type ErrorName, errorName } from '@ottla/protocol/errors.ts'
import { encodeVersioned } from '@ottla/protocol/versioned.ts'

export interface Tally {
  heartbeats: number
  /** Members that the coordinator did not know any more. */
  lost: number
  /** How often members of classic groups had to join again once they had, as another had come late. */
  rejoins: number
  readonly heartbeatMs: number[]
}

export interface MemberOptions {
  readonly connection: BrokerConnection
  readonly timers: Timers
  readonly nowMs: () => number
  readonly group: string
  /** Also the client's name for itself. */
  readonly name: string
  readonly topic: string
  readonly partitions: number
  readonly tally: Tally
  /** When the first heartbeat comes, as a share of the interval, so that members do not beat in step. */
  readonly phase: number
}

const SESSION_MS = 45_000
const REBALANCE_MS = 300_000
const HEARTBEAT_MS = 3000
const REQUEST_MS = 120_000
const SUBSCRIPTION_VERSION = 3
const PROTOCOL_TYPE = 'consumer'
const PROTOCOL = 'range'
/** What a member is told that is none any more. */
const GONE: readonly ErrorName[] = ['UNKNOWN_MEMBER_ID', 'FENCED_MEMBER_EPOCH', 'FENCED_INSTANCE_ID']
const RETRIABLE: readonly ErrorName[] = ['NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE']
const RETRY_MS = 100

type Joined = ResponseOf<typeof JoinGroup>

export class ClassicMember {
  readonly #options: MemberOptions
  #memberId = ''
  #generationId = -1
  #timer: Timer | null = null
  #isStopped = false

  /** Requests that are under way when everything ends fail with their connection. */
  readonly #onFailure = (error: unknown): void => {
    if (!this.#isStopped) throw error
  }

  constructor(options: MemberOptions) {
    this.#options = options
  }

  /** Resolves when it is a member and knows what it has; from then on it beats. */
  async join(): Promise<void> {
    await this.#rebalance()
    this.#beatAfter(HEARTBEAT_MS * this.#options.phase)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  async #rebalance(): Promise<void> {
    const joined = await this.#enter()
    this.#generationId = joined.generationId
    await this.#sync(joined)
  }

  /** Twice: the first answer tells the member its id. */
  async #enter(): Promise<Joined> {
    const { connection, group, topic } = this.#options
    const metadata = encodeVersioned(ConsumerProtocolSubscription, SUBSCRIPTION_VERSION, { topics: [topic] })
    for (;;) {
      const request = {
        ...{ groupId: group, sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: REBALANCE_MS, memberId: this.#memberId },
        ...{ protocolType: PROTOCOL_TYPE, protocols: [{ name: PROTOCOL, metadata }] },
      }
      const answer = await connection.request(JoinGroup, request, { timeoutMs: REQUEST_MS })
      const error = errorName(answer.errorCode)
      if (error === 'NONE') return answer
      if (error === 'MEMBER_ID_REQUIRED') this.#memberId = answer.memberId
      else if (RETRIABLE.includes(error)) await this.#options.timers.sleep(RETRY_MS)
      else throw new Error(`Cannot join ${group}: ${error}`)
    }
  }

  async #sync(joined: Joined): Promise<void> {
    const { connection, group } = this.#options
    const isLeader = joined.leader === this.#memberId
    const request = {
      ...{ groupId: group, generationId: this.#generationId, memberId: this.#memberId },
      ...{ protocolType: PROTOCOL_TYPE, protocolName: PROTOCOL },
      assignments: isLeader ? this.#assign(joined.members.map(({ memberId }) => memberId)) : [],
    }
    const { errorCode } = await connection.request(SyncGroup, request, { timeoutMs: REQUEST_MS })
    const error = errorName(errorCode)
    if (error === 'NONE') return
    if (error !== 'REBALANCE_IN_PROGRESS') throw new Error(`Cannot sync ${group}: ${error}`)
    await this.#rebalance()
  }

  #assign(members: readonly string[]) {
    const { topic, partitions } = this.#options
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    return members.map((memberId, index) => ({
      memberId,
      assignment: encodeVersioned(ConsumerProtocolAssignment, SUBSCRIPTION_VERSION, {
        assignedPartitions: [{ topic, partitions: all.filter((partition) => partition % members.length === index) }],
      }),
    }))
  }

  #beatAfter(ms: number): void {
    if (this.#isStopped) return
    this.#timer = this.#options.timers.after(ms, () => void this.#beat().catch(this.#onFailure))
  }

  async #beat(): Promise<void> {
    const { connection, group, tally, nowMs } = this.#options
    const startMs = nowMs()
    const request = { groupId: group, generationId: this.#generationId, memberId: this.#memberId }
    const error = errorName((await connection.request(Heartbeat, request)).errorCode)
    if (this.#isStopped) return
    tally.heartbeats++
    tally.heartbeatMs.push(nowMs() - startMs)
    if (error === 'REBALANCE_IN_PROGRESS' || error === 'ILLEGAL_GENERATION') {
      tally.rejoins++
      await this.#rebalance()
    } else if (error !== 'NONE') {
      tally.lost++
      return
    }
    this.#beatAfter(HEARTBEAT_MS)
  }
}

/** Of KIP-848. */
export class ConsumerMember {
  readonly #options: MemberOptions
  #epoch = 0
  #owned: { topicId: string; partitions: number[] }[] = []
  #timer: Timer | null = null
  #isStopped = false

  /** Requests that are under way when everything ends fail with their connection. */
  readonly #onFailure = (error: unknown): void => {
    if (!this.#isStopped) throw error
  }

  constructor(options: MemberOptions) {
    this.#options = options
  }

  get ownedCount(): number {
    return this.#owned.reduce((count, { partitions }) => count + partitions.length, 0)
  }

  get epoch(): number {
    return this.#epoch
  }

  /** Resolves when it is a member; from then on it beats. */
  async join(): Promise<void> {
    while (this.#epoch === 0) {
      const intervalMs = await this.#beat()
      if (this.#epoch === 0) await this.#options.timers.sleep(RETRY_MS)
      else this.#beatAfter(intervalMs === 0 ? 0 : intervalMs * this.#options.phase)
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #beatAfter(ms: number): void {
    if (this.#isStopped) return
    this.#timer = this.#options.timers.after(ms, () => void this.#beatAgain().catch(this.#onFailure))
  }

  async #beatAgain(): Promise<void> {
    const { nowMs, tally } = this.#options
    const startMs = nowMs()
    const intervalMs = await this.#beat()
    if (this.#isStopped) return
    tally.heartbeats++
    tally.heartbeatMs.push(nowMs() - startMs)
    if (this.#epoch === 0) tally.lost++
    else this.#beatAfter(intervalMs)
  }

  /**
   * Resolves with when it is to beat again, in ms: at once where it was given another assignment, as the coordinator
   * waits to hear that it has taken it. A member that is none any more has epoch 0.
   */
  async #beat(): Promise<number> {
    const { connection, group: groupId, name: memberId, topic } = this.#options
    const joins = this.#epoch === 0
    const answer = await connection.request(ConsumerGroupHeartbeat, {
      ...{ groupId, memberId, memberEpoch: this.#epoch, rebalanceTimeoutMs: joins ? REBALANCE_MS : -1 },
      subscribedTopicNames: joins ? [topic] : null,
      topicPartitions: joins ? [] : this.#owned,
    })
    const error = errorName(answer.errorCode)
    if (error !== 'NONE') {
      if (!GONE.includes(error) && !RETRIABLE.includes(error)) throw new Error(`Cannot beat in ${groupId}: ${error}`)
      if (!RETRIABLE.includes(error)) this.#epoch = 0
      return RETRY_MS
    }
    this.#epoch = answer.memberEpoch
    if (answer.assignment === null) return answer.heartbeatIntervalMs
    this.#owned = answer.assignment.topicPartitions.map(({ topicId, partitions }) => ({ topicId, partitions }))
    return 0
  }
}
