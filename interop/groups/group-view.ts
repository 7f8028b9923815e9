/**
 * Owns what these tests ask a broker about groups, by requests of our own: who is a member and owns what, in how many
 * rounds that came about, and what is committed.
 */
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import { DescribeGroups } from '@ottla/protocol/apis/15-describe-groups.ts'
import { ConsumerGroupDescribe } from '@ottla/protocol/apis/69-consumer-group-describe.ts'
import { assignedPartitions, CoordinatorLog } from './coordinator-log.ts'
import { Ownership } from './ownership.ts'

export interface MemberView {
  readonly clientId: string
  /** `topic-partition` */
  readonly partitions: readonly string[]
}

export interface GroupView {
  readonly state: string
  /** The generation, or the group epoch. */
  readonly round: number
  readonly members: readonly MemberView[]
}

/** From here on requests name topics by their id. */
const NAMED_TOPICS_MAX = 9

/**
 * Follows the groups of one broker. Which generations a classic group has completed is read from the records that the
 * coordinator wrote of it, as DescribeGroups does not tell.
 */
export class GroupObserver implements AsyncDisposable {
  readonly #log = new CoordinatorLog()
  readonly #followed = new Map<string, Ownership>()
  #connection: BrokerConnection
  #reading: Promise<void> = Promise.resolve()

  constructor(connection: BrokerConnection) {
    this.#connection = connection
  }

  get connection(): BrokerConnection {
    return this.#connection
  }

  /** To the same broker, which was started anew. */
  async reconnect(connection: BrokerConnection): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
    this.#connection = connection
  }

  /** From its first member on. */
  follow(group: string, options: { readonly rereads: boolean }): Ownership {
    const ownership = new Ownership(options)
    this.#followed.set(group, ownership)
    return ownership
  }

  /** Resolves when what is followed has everything that the coordinator has written by now. */
  async catchUp(): Promise<void> {
    this.#reading = this.#reading.catch(() => {}).then(async () => await this.#read())
    await this.#reading
  }

  async view(group: string, options: { readonly isConsumer: boolean }): Promise<GroupView> {
    return options.isConsumer ? await this.#viewConsumer(group) : await this.#viewClassic(group)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
  }

  /** Members and round come from two requests: asked again where the group has rebalanced in between. */
  async #viewClassic(group: string): Promise<GroupView> {
    for (;;) {
      const round = await this.#generation(group)
      const { groups } = await this.#connection.request(DescribeGroups, { groups: [group] })
      if ((await this.#generation(group)) !== round) continue
      const { groupState: state, members } = groups[0]!
      return {
        ...{ state, round },
        members: members.map(({ clientId, memberAssignment }) => ({
          ...{ clientId, partitions: assignedPartitions(memberAssignment) },
        })),
      }
    }
  }

  async #generation(group: string): Promise<number> {
    await this.catchUp()
    return this.#followed.get(group)?.rounds.at(-1)?.round ?? 0
  }

  async #viewConsumer(group: string): Promise<GroupView> {
    const request = { groupIds: [group], includeAuthorizedOperations: false }
    const { groups } = await this.#connection.request(ConsumerGroupDescribe, request)
    const { groupState: state, groupEpoch: round, members } = groups[0]!
    return {
      ...{ state, round },
      members: members.map(({ clientId, assignment }) => ({
        clientId,
        partitions: assignment.topicPartitions.flatMap(({ topicName, partitions }) =>
          partitions.map((index) => `${topicName}-${index}`),
        ),
      })),
    }
  }

  async #read(): Promise<void> {
    for await (const event of this.#log.read(this.#connection)) this.#followed.get(event.group)?.take(event)
  }
}

/** By `topic-partition`, the offset; partitions without one are left out. */
export async function committedOffsets(connection: BrokerConnection, group: string): Promise<Map<string, number>> {
  const request = { groups: [{ groupId: group, topics: null }], requireStable: false }
  const answer = await connection.request(OffsetFetch, request, { versionMin: 8, versionMax: NAMED_TOPICS_MAX })
  const { topics } = answer.groups[0]!
  return new Map(
    topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, committedOffset }) => [`${name}-${partitionIndex}`, committedOffset] as const),
    ),
  )
}
