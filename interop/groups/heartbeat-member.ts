/**
 * Owns a member of a KIP-848 group that reads nothing: it says what it subscribes to and takes what it is assigned, for
 * what no foreign client here can do, such as patterns that the broker resolves.
 */
import { randomUUID } from 'node:crypto'
import { systemTimers } from '@ottla/base/node-timers.ts'
import type { Timer } from '@ottla/base/timers.ts'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import type { RequestOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { waitUntil } from './wait-until.ts'

type Answer = ResponseOf<typeof ConsumerGroupHeartbeat>
type Owned = NonNullable<RequestOf<typeof ConsumerGroupHeartbeat>['topicPartitions']>

const REBALANCE_TIMEOUT_MS = 30_000
const LEAVING = -1
/** The first version of FindCoordinator that asks for several. */
const SEVERAL_KEYS_MIN = 4

export interface HeartbeatMemberOptions {
  readonly connection: BrokerConnection
  readonly group: string
  readonly names?: readonly string[]
  readonly pattern?: string
}

export class HeartbeatMember implements AsyncDisposable {
  readonly #options: HeartbeatMemberOptions
  readonly #memberId = randomUUID()
  #epoch = 0
  #owned: Owned = []
  #timer: Timer | null = null
  /** Why it is no member any more. */
  failure: string | null = null

  private constructor(options: HeartbeatMemberOptions) {
    this.#options = options
  }

  /** Resolves when it is a member; the first that looks for a coordinator has the broker make its topic. */
  static async join(options: HeartbeatMemberOptions): Promise<HeartbeatMember> {
    const member = new HeartbeatMember(options)
    const { connection, group } = options
    return await waitUntil(`a member join group ${group}`, async () => {
      const request = { coordinatorKeys: [group] }
      const { coordinators } = await connection.request(FindCoordinator, request, { versionMin: SEVERAL_KEYS_MIN })
      if (coordinators[0]!.errorCode === 0) await member.#beat()
      return member.#epoch > 0 ? { found: member } : { missing: member.failure ?? 'there is no coordinator' }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel()
    this.#epoch = LEAVING
    await this.#request()
  }

  async #beat(): Promise<void> {
    const answer = await this.#request()
    if (this.#epoch === LEAVING) return
    if (answer.errorCode !== 0) {
      this.failure = errorName(answer.errorCode)
      return
    }
    this.#epoch = answer.memberEpoch
    const isNew = answer.assignment !== null
    this.#owned = answer.assignment?.topicPartitions ?? this.#owned
    // What it was given it has at once, and what was taken it has given up: the broker wants to know.
    this.#timer = systemTimers.after(isNew ? 0 : answer.heartbeatIntervalMs, () => void this.#beat())
  }

  async #request(): Promise<Answer> {
    const { connection, group: groupId, names = [], pattern } = this.#options
    const joins = this.#epoch === 0
    return await connection.request(ConsumerGroupHeartbeat, {
      ...{ groupId, memberId: this.#memberId, memberEpoch: this.#epoch, topicPartitions: this.#owned },
      rebalanceTimeoutMs: joins ? REBALANCE_TIMEOUT_MS : -1,
      subscribedTopicNames: joins ? names : null,
      subscribedTopicRegex: joins ? (pattern ?? null) : null,
    })
  }
}
