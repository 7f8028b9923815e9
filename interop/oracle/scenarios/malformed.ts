/**
 * Every API in every version, asked in a form that no sound client sends: with a tag that nobody knows or bytes behind
 * the body, which are passed over; cut short or filled with noise, which ends the connection.
 */
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import { LeaveGroup } from '@ottla/protocol/apis/13-leave-group.ts'
import { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import { DescribeGroups } from '@ottla/protocol/apis/15-describe-groups.ts'
import { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import { OffsetForLeaderEpoch } from '@ottla/protocol/apis/23-offset-for-leader-epoch.ts'
import { DescribeConfigs } from '@ottla/protocol/apis/32-describe-configs.ts'
import { AlterConfigs } from '@ottla/protocol/apis/33-alter-configs.ts'
import { DescribeLogDirs } from '@ottla/protocol/apis/35-describe-log-dirs.ts'
import { CreatePartitions } from '@ottla/protocol/apis/37-create-partitions.ts'
import { DeleteGroups } from '@ottla/protocol/apis/42-delete-groups.ts'
import { IncrementalAlterConfigs } from '@ottla/protocol/apis/44-incremental-alter-configs.ts'
import { AlterPartitionReassignments } from '@ottla/protocol/apis/45-alter-partition-reassignments.ts'
import { ListPartitionReassignments } from '@ottla/protocol/apis/46-list-partition-reassignments.ts'
import { OffsetDelete } from '@ottla/protocol/apis/47-offset-delete.ts'
import { DescribeCluster } from '@ottla/protocol/apis/60-describe-cluster.ts'
import { UnregisterBroker } from '@ottla/protocol/apis/64-unregister-broker.ts'
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import { ConsumerGroupDescribe } from '@ottla/protocol/apis/69-consumer-group-describe.ts'
import { ListConfigResources } from '@ottla/protocol/apis/74-list-config-resources.ts'
import { DescribeTopicPartitions } from '@ottla/protocol/apis/75-describe-topic-partitions.ts'
import type { AnyApi, RequestInputOf, VersionRange } from '@ottla/protocol/codec.ts'
import { framed } from '../../raw-frames.ts'
import { batch } from '../batches.ts'
import { requestBytes } from '../requests.ts'
import { TOPIC } from '../requests-of-clients.ts'
import { type At, type RawStep, raw, type Scenario, scenario } from '../scenario.ts'

const SIZE_BYTES = 4
const CLIENT_ID = 'oracle'
/** Size, key, version, correlation id and client id; a tagged section may follow. */
const HEADER_BYTES = SIZE_BYTES + 2 + 2 + 4 + 2 + CLIENT_ID.length
/** One tag, number 100, of two bytes. */
const UNKNOWN_TAG = Buffer.from([1, 100, 2, 7, 7])
const SURPLUS = Buffer.from([7, 7, 7])
const NOISE = 0xff

interface Sound {
  readonly api: AnyApi
  readonly value: object
  /** In which the request needs nothing that is not there; all when left out. */
  readonly versions?: VersionRange
}

const sound = <A extends AnyApi>(api: A, value: RequestInputOf<A>, versions?: VersionRange): Sound =>
  versions === undefined ? { api, value } : { api, value, versions }

const MISSING = { name: '@missing', topic: '@missing', topicId: '@missing' }
/** Of resources with settings. */
const GROUP = 32
const NO_SETTINGS = [{ resourceType: TOPIC, resourceName: '@missing', configs: [] }]

/** A request of each API that changes nothing. */
const SOUND: readonly Sound[] = [
  sound(Produce, {
    ...{ acks: -1, timeoutMs: 5000 },
    topicData: [{ ...MISSING, partitionData: [{ index: 0, records: batch() }] }],
  }),
  sound(Fetch, {
    ...{ maxWaitMs: 0, minBytes: 1 },
    topics: [{ ...MISSING, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
  }),
  sound(ListOffsets, { replicaId: -1, topics: [{ ...MISSING, partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }),
  sound(Metadata, { topics: [], allowAutoTopicCreation: false }),
  sound(FindCoordinator, { key: 'key', keyType: 9, coordinatorKeys: ['key'] }, [1, 6]),
  sound(AlterPartitionReassignments, {
    topics: [{ name: '@missing', partitions: [{ partitionIndex: 0, replicas: [1] }] }],
  }),
  sound(ListPartitionReassignments, { topics: [{ name: '@missing', partitionIndexes: [0] }] }),
  sound(UnregisterBroker, { brokerId: 77 }),
  sound(ApiVersions, { clientSoftwareName: 'oracle', clientSoftwareVersion: '1.0' }),
  sound(CreateTopics, {
    ...{ timeoutMs: 5000, validateOnly: true },
    topics: [{ name: 'not a name', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
  }),
  sound(DeleteTopics, { timeoutMs: 5000, topicNames: ['@missing'], topics: [{ name: null, topicId: '@missing' }] }),
  sound(DeleteRecords, { timeoutMs: 5000, topics: [{ ...MISSING, partitions: [{ partitionIndex: 0, offset: 0 }] }] }),
  sound(InitProducerId, { transactionalId: null, transactionTimeoutMs: 60_000 }),
  sound(OffsetForLeaderEpoch, {
    replicaId: -1,
    topics: [{ ...MISSING, partitions: [{ partition: 0, leaderEpoch: 0 }] }],
  }),
  sound(DescribeConfigs, {
    resources: [{ resourceType: TOPIC, resourceName: '@missing', configurationKeys: ['retention.ms'] }],
  }),
  sound(AlterConfigs, { resources: NO_SETTINGS, validateOnly: true }),
  sound(DescribeLogDirs, { topics: [{ ...MISSING, partitions: [0] }] }),
  sound(CreatePartitions, {
    topics: [{ name: '@missing', count: 2, assignments: null }],
    ...{ timeoutMs: 5000, validateOnly: true },
  }),
  sound(IncrementalAlterConfigs, { resources: NO_SETTINGS, validateOnly: true }),
  sound(DescribeCluster, { includeClusterAuthorizedOperations: false }),
  sound(DescribeTopicPartitions, { topics: [{ name: '@missing' }] }),
  sound(OffsetCommit, {
    ...{ groupId: '@g', memberId: '' },
    topics: [{ ...MISSING, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }] }],
  }),
  sound(OffsetFetch, {
    ...{ groupId: '@g', topics: [{ ...MISSING, partitionIndexes: [0] }] },
    groups: [{ groupId: '@g', topics: [{ ...MISSING, partitionIndexes: [0] }] }],
  }),
  sound(JoinGroup, {
    ...{ groupId: '@g', sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 30_000, memberId: 'member' },
    ...{ protocolType: 'consumer', protocols: [{ name: 'range', metadata: Buffer.from('metadata') }] },
  }),
  sound(Heartbeat, { groupId: '@g', generationId: 1, memberId: 'member' }),
  sound(LeaveGroup, { groupId: '@g', memberId: 'member', members: [{ memberId: 'member' }] }),
  sound(SyncGroup, {
    ...{ groupId: '@g', generationId: 1, memberId: 'member', protocolType: 'consumer', protocolName: 'range' },
    assignments: [{ memberId: 'member', assignment: Buffer.from('assignment') }],
  }),
  sound(DescribeGroups, { groups: ['@g'] }),
  sound(ListGroups, {}),
  sound(DeleteGroups, { groupsNames: ['@g'] }),
  sound(OffsetDelete, { groupId: '@g', topics: [{ name: '@missing', partitions: [{ partitionIndex: 0 }] }] }),
  sound(ConsumerGroupHeartbeat, { groupId: '@g', memberId: '@m', memberEpoch: 1 }),
  sound(ConsumerGroupDescribe, { groupIds: ['@g'], includeAuthorizedOperations: false }),
  sound(ListConfigResources, { resourceTypes: [GROUP] }),
]

export const MALFORMED: readonly Scenario[] = SOUND.flatMap(({ api, value, versions }) => {
  const sent = (change: (bytes: Buffer, version: number) => Buffer): RawStep =>
    raw(
      (at: At) => {
        const { version } = at
        return change(requestBytes({ api, version, correlationId: 5, clientId: CLIENT_ID, value }, at), version)
      },
      { replies: [{ api }] },
    )
  return [
    scenario(api, 'what nobody knows is passed over', {
      covers: ['0.2'],
      ...(versions && { versions }),
      steps: [sent((bytes, version) => withMore(bytes, version >= api.flexible))],
    }),
    scenario(api, 'a body that ends too early, or is noise', {
      covers: ['0.2'],
      steps: [
        sent((bytes) => framed(bytes.subarray(SIZE_BYTES, -1))),
        sent((bytes) => framed(bytes.subarray(SIZE_BYTES, (HEADER_BYTES + bytes.length) >> 1))),
        sent((bytes) => framed(bytes.subarray(SIZE_BYTES, HEADER_BYTES))),
        sent((bytes, version) => noisy(bytes, version >= api.flexible)),
      ],
    }),
  ]
})

/** A flexible request ends with the tagged section of its body; others just go on. */
function withMore(bytes: Buffer, isFlexible: boolean): Buffer {
  if (!isFlexible) return framed(Buffer.concat([bytes.subarray(SIZE_BYTES), SURPLUS]))
  const header = bytes.subarray(SIZE_BYTES, HEADER_BYTES)
  return framed(Buffer.concat([header, UNKNOWN_TAG, bytes.subarray(HEADER_BYTES + 1, -1), UNKNOWN_TAG]))
}

function noisy(bytes: Buffer, isFlexible: boolean): Buffer {
  const copy = Buffer.from(bytes.subarray(SIZE_BYTES))
  return framed(copy.fill(NOISE, HEADER_BYTES - SIZE_BYTES + (isFlexible ? 1 : 0)))
}
