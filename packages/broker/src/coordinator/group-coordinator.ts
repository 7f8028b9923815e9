/**
 * The coordinator of groups as handlers see it: by group id, whichever partition of `__consumer_offsets` that is. Owns
 * the topic's making, the runtime of its partitions, and which partition a group belongs to.
 *
 * Every method runs its request in this turn and resolves once the state that the reply rests on is committed. Rejects
 * with ProtocolError where the whole request fails: NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS,
 * COORDINATOR_NOT_AVAILABLE, or what the API says of its groups.
 */
import type { Clock } from '@ottla/base/clock.ts'
import type { Logger } from '@ottla/base/logger.ts'
import { type Random, randomUuid } from '@ottla/base/random.ts'
import type { Timers } from '@ottla/base/timers.ts'
import type { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import type { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import type { OffsetDelete } from '@ottla/protocol/apis/47-offset-delete.ts'
import type { RequestOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { codecOf } from '@ottla/protocol/records/compression.ts'
import type { BrokerConfig } from '../config.ts'
import type { ControllerClient } from '../metadata/controller-client.ts'
import type { MetadataImage, PartitionImage, Uuid } from '../metadata/image.ts'
import type { Partition } from '../partition/partition.ts'
import type { HeartbeatReply } from './group/classic/classic-group.ts'
import type { DescribedGroup } from './group/classic/describe.ts'
import { type JoinEvent, joinRequestError } from './group/classic/join.ts'
import type { LeaveReply, LeaveRequest } from './group/classic/leave.ts'
import type { JoinReply, SyncReply } from './group/classic/member.ts'
import type { SyncEvent } from './group/classic/sync.ts'
import type { DescribedConsumerGroup } from './group/consumer/describe.ts'
import type { HeartbeatReply as ConsumerHeartbeatReply, HeartbeatEvent } from './group/consumer/heartbeat.ts'
import { heartbeatProblem } from './group/consumer/heartbeat-request.ts'
import type { DeletedGroup, ListedGroup, ListFilters } from './group/group-admin.ts'
import { GroupSettingsReader } from './group/group-settings.ts'
import { GroupShard } from './group/group-shard.ts'
import type { DeleteReply, FetchGroupReply, FetchGroupRequest } from './group/offset-requests.ts'
import type { CommitReply } from './group/offsets.ts'
import type { Caller } from './group/world.ts'
import { InternalTopic } from './internal-topic.ts'
import { partitionOfKey } from './key-partition.ts'
import { CoordinatorRuntime, type Operation } from './runtime.ts'

const TOPIC_NAME = '__consumer_offsets'

export interface GroupCoordinatorOptions {
  readonly brokerId: number
  readonly partitions: {
    find(topicId: Uuid, index: number): Partition | undefined
    isOffline(topicId: Uuid, index: number): boolean
  }
  readonly controller: ControllerClient
  /** Both the newest. */
  readonly config: () => BrokerConfig
  readonly image: () => MetadataImage
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly logger: Logger
}

/** What came of a group; of the others of its request something else may have come. */
export type GroupOutcome<Reply> = { readonly groupId: string; readonly outcome: Reply | ProtocolError }

export class GroupCoordinator implements AsyncDisposable {
  readonly #topic: InternalTopic
  readonly #runtime: CoordinatorRuntime<GroupShard>
  readonly #settings: GroupSettingsReader
  readonly #options: GroupCoordinatorOptions

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options
    const { config, image, random } = options
    this.#topic = new InternalTopic({ ...options, name: TOPIC_NAME })
    this.#settings = new GroupSettingsReader(options)
    const world = {
      image,
      settings: (groupId: string) => this.#settings.of(groupId),
      newUuid: () => javaUuid(random),
    }
    const expiryCheckIntervalMs = () => config().int('offsets.retention.check.interval.ms')
    this.#runtime = new CoordinatorRuntime({
      ...{ ...options, topicName: TOPIC_NAME },
      makeMachine: () => new GroupShard({ world, expiryCheckIntervalMs }),
      settings: () => ({
        commitTimeoutMs: config().int('offsets.commit.timeout.ms'),
        codec: codecOf(config().int('offsets.topic.compression.codec')) ?? 'none',
      }),
    })
  }

  /** After the partitions have taken over the image. */
  publish(image: MetadataImage): void {
    this.#runtime.publish(image)
  }

  opened(partition: Partition): void {
    this.#runtime.opened(partition)
  }

  /** For `admin/metrics`: what is loaded here. */
  counts(): { groups: number; offsets: number } {
    const shards = [...this.#runtime.machines()]
    return {
      groups: shards.reduce((sum, { groupCount }) => sum + groupCount, 0),
      offsets: shards.reduce((sum, { offsetCount }) => sum + offsetCount, 0),
    }
  }

  /** Where the group is coordinated; makes the topic on first need. Undefined: it cannot be told now. */
  async partitionOf(groupId: string): Promise<PartitionImage | undefined> {
    const topic = await this.#topic.made()
    const partition = topic?.partitions[partitionOfKey(groupId, topic.partitions.length)]
    const { brokerId, partitions } = this.#options
    if (partition?.leader !== brokerId) return partition
    const isUnheard = partitions.find(topic!.id, partition.index)?.isUnheard === true
    return isUnheard || partitions.isOffline(topic!.id, partition.index) ? undefined : partition
  }

  /** KIP-848 is enabled: by the broker's settings and the cluster's features. */
  get speaksConsumerProtocol(): boolean {
    return this.#settings.of('').consumerProtocolEnabled
  }

  join(request: JoinEvent['request'], caller: Caller): Promise<JoinReply> {
    const { groupId } = request
    const error = idProblem(groupId) ?? joinRequestError(request, this.#settings.of(groupId))
    if (error !== null) return Promise.reject(new ProtocolError(error))
    return this.#submit(groupId, (shard, ticket, nowMs) => shard.join({ request, caller, ticket }, nowMs))
  }

  sync(request: SyncEvent['request'], caller: Caller): Promise<SyncReply> {
    return this.#submitNamed(request.groupId, (shard, ticket, nowMs) => shard.sync({ request, caller, ticket }, nowMs))
  }

  heartbeat(request: RequestOf<typeof Heartbeat>, caller: Caller): Promise<HeartbeatReply> {
    return this.#submitNamed(request.groupId, (shard, ticket, nowMs) =>
      shard.heartbeat({ request, caller, ticket }, nowMs),
    )
  }

  leave(request: LeaveRequest, caller: Caller): Promise<LeaveReply> {
    return this.#submitNamed(request.groupId, (shard, ticket, nowMs) => shard.leave({ request, caller, ticket }, nowMs))
  }

  consumerHeartbeat(request: HeartbeatEvent['request'], caller: Caller): Promise<ConsumerHeartbeatReply> {
    const { groupId } = request
    const { consumerAssignors: assignors } = this.#settings.of(groupId)
    const problem = heartbeatProblem(request, { apiVersion: caller.apiVersion, assignors })
    if (problem !== null) return Promise.reject(problem)
    return this.#submit(groupId, (shard, ticket, nowMs) => shard.consumerHeartbeat({ request, caller, ticket }, nowMs))
  }

  /** Every topic goes by its name. The empty group id is one like others. */
  commitOffsets(request: RequestOf<typeof OffsetCommit>, caller: Caller): Promise<CommitReply> {
    return this.#submit(request.groupId, (shard, ticket, nowMs) =>
      shard.commitOffsets({ request, caller, ticket }, nowMs),
    )
  }

  fetchOffsets(request: FetchGroupRequest): Promise<FetchGroupReply> {
    return this.#read(request.groupId, (shard) => shard.fetchOffsets(request))
  }

  deleteOffsets(request: RequestOf<typeof OffsetDelete>): Promise<DeleteReply> {
    return this.#submitNamed(request.groupId, (shard, ticket) => shard.deleteOffsets(request, ticket))
  }

  /** Of the partitions that are coordinated here; what moves away meanwhile is another broker's to list. */
  async list(filters: ListFilters): Promise<ListedGroup[]> {
    const lists = this.#runtime.ledPartitions().map((index) =>
      this.#runtime
        .read(index, (shard) => shard.list(filters))
        .catch((error: unknown): ListedGroup[] => {
          if (error instanceof ProtocolError && error.error === 'NOT_COORDINATOR') return []
          throw error
        }),
    )
    return (await Promise.all(lists)).flat()
  }

  /** The empty group id is one like others. */
  describe(groupIds: readonly string[], apiVersion: number): Promise<GroupOutcome<DescribedGroup>[]> {
    return eachGroup(groupIds, (groupId) => this.#read(groupId, (shard) => shard.describe(groupId, apiVersion)))
  }

  describeConsumers(groupIds: readonly string[]): Promise<GroupOutcome<DescribedConsumerGroup>[]> {
    return eachGroup(groupIds, (groupId) => {
      const error = idProblem(groupId)
      if (error !== null) return Promise.reject(new ProtocolError(error))
      return this.#read(groupId, (shard) => shard.describeConsumer(groupId))
    })
  }

  /** The empty group id is one like others. */
  delete(groupIds: readonly string[]): Promise<GroupOutcome<DeletedGroup>[]> {
    return eachGroup(groupIds, async (groupId) => {
      const [deleted] = await this.#submit<DeletedGroup[]>(groupId, (shard, ticket) => shard.delete([groupId], ticket))
      return deleted!
    })
  }

  /** Who waits is told to look elsewhere. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runtime[Symbol.asyncDispose]()
  }

  #submitNamed<Reply>(groupId: string, operation: Operation<GroupShard, Reply>): Promise<Reply> {
    const error = idProblem(groupId)
    return error === null ? this.#submit(groupId, operation) : Promise.reject(new ProtocolError(error))
  }

  #submit<Reply>(groupId: string, operation: Operation<GroupShard, Reply>): Promise<Reply> {
    const index = this.#partitionIndex(groupId)
    if (index === null) return Promise.reject(new ProtocolError('NOT_COORDINATOR'))
    return this.#runtime.submit(index, operation)
  }

  #read<Reply>(groupId: string, look: (shard: GroupShard) => Reply): Promise<Reply> {
    const index = this.#partitionIndex(groupId)
    if (index === null) return Promise.reject(new ProtocolError('NOT_COORDINATOR'))
    return this.#runtime.read(index, look)
  }

  /** Null: there is no topic yet, so whoever comes has not asked where to go. */
  #partitionIndex(groupId: string): number | null {
    const count = this.#topic.image?.partitions.length
    return count === undefined ? null : partitionOfKey(groupId, count)
  }
}

function idProblem(groupId: string): ErrorName | null {
  return groupId === '' ? 'INVALID_GROUP_ID' : null
}

/** In the order asked, each once; one group's failure is its own. */
async function eachGroup<Reply>(
  groupIds: readonly string[],
  ask: (groupId: string) => Promise<Reply>,
): Promise<GroupOutcome<Reply>[]> {
  const asked = [...new Set(groupIds)].map(async (groupId): Promise<GroupOutcome<Reply>> => {
    try {
      return { groupId, outcome: await ask(groupId) }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      return { groupId, outcome: error }
    }
  })
  return Promise.all(asked)
}

/** As `java.util.UUID` writes it. */
function javaUuid(random: Random): string {
  const hex = Buffer.from(randomUuid(random), 'base64url').toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
