/**
 * Every API of Kafka 4.2 by key, each table loaded on first use: a broker that serves few of them pays for few. Whether
 * Ottla serves one is said in the broker's `handlers/index.ts`, not here. Keys 4 to 7 were removed in Kafka 4.0.
 */
import type { AnyApi } from '../codec.ts'

export type CatalogueEntry = { readonly name: string; readonly load: () => Promise<AnyApi> }

export const catalogue: ReadonlyMap<number, CatalogueEntry> = new Map<number, CatalogueEntry>([
  [0, { name: 'Produce', load: async () => (await import('./00-produce.ts')).Produce }],
  [1, { name: 'Fetch', load: async () => (await import('./01-fetch.ts')).Fetch }],
  [2, { name: 'ListOffsets', load: async () => (await import('./02-list-offsets.ts')).ListOffsets }],
  [3, { name: 'Metadata', load: async () => (await import('./03-metadata.ts')).Metadata }],
  [8, { name: 'OffsetCommit', load: async () => (await import('./08-offset-commit.ts')).OffsetCommit }],
  [9, { name: 'OffsetFetch', load: async () => (await import('./09-offset-fetch.ts')).OffsetFetch }],
  [10, { name: 'FindCoordinator', load: async () => (await import('./10-find-coordinator.ts')).FindCoordinator }],
  [11, { name: 'JoinGroup', load: async () => (await import('./11-join-group.ts')).JoinGroup }],
  [12, { name: 'Heartbeat', load: async () => (await import('./12-heartbeat.ts')).Heartbeat }],
  [13, { name: 'LeaveGroup', load: async () => (await import('./13-leave-group.ts')).LeaveGroup }],
  [14, { name: 'SyncGroup', load: async () => (await import('./14-sync-group.ts')).SyncGroup }],
  [15, { name: 'DescribeGroups', load: async () => (await import('./15-describe-groups.ts')).DescribeGroups }],
  [16, { name: 'ListGroups', load: async () => (await import('./16-list-groups.ts')).ListGroups }],
  [17, { name: 'SaslHandshake', load: async () => (await import('./17-sasl-handshake.ts')).SaslHandshake }],
  [18, { name: 'ApiVersions', load: async () => (await import('./18-api-versions.ts')).ApiVersions }],
  [19, { name: 'CreateTopics', load: async () => (await import('./19-create-topics.ts')).CreateTopics }],
  [20, { name: 'DeleteTopics', load: async () => (await import('./20-delete-topics.ts')).DeleteTopics }],
  [21, { name: 'DeleteRecords', load: async () => (await import('./21-delete-records.ts')).DeleteRecords }],
  [22, { name: 'InitProducerId', load: async () => (await import('./22-init-producer-id.ts')).InitProducerId }],
  [
    23,
    {
      name: 'OffsetForLeaderEpoch',
      load: async () => (await import('./23-offset-for-leader-epoch.ts')).OffsetForLeaderEpoch,
    },
  ],
  [
    24,
    {
      name: 'AddPartitionsToTxn',
      load: async () => (await import('./24-add-partitions-to-txn.ts')).AddPartitionsToTxn,
    },
  ],
  [25, { name: 'AddOffsetsToTxn', load: async () => (await import('./25-add-offsets-to-txn.ts')).AddOffsetsToTxn }],
  [26, { name: 'EndTxn', load: async () => (await import('./26-end-txn.ts')).EndTxn }],
  [27, { name: 'WriteTxnMarkers', load: async () => (await import('./27-write-txn-markers.ts')).WriteTxnMarkers }],
  [28, { name: 'TxnOffsetCommit', load: async () => (await import('./28-txn-offset-commit.ts')).TxnOffsetCommit }],
  [29, { name: 'DescribeAcls', load: async () => (await import('./29-describe-acls.ts')).DescribeAcls }],
  [30, { name: 'CreateAcls', load: async () => (await import('./30-create-acls.ts')).CreateAcls }],
  [31, { name: 'DeleteAcls', load: async () => (await import('./31-delete-acls.ts')).DeleteAcls }],
  [32, { name: 'DescribeConfigs', load: async () => (await import('./32-describe-configs.ts')).DescribeConfigs }],
  [33, { name: 'AlterConfigs', load: async () => (await import('./33-alter-configs.ts')).AlterConfigs }],
  [
    34,
    {
      name: 'AlterReplicaLogDirs',
      load: async () => (await import('./34-alter-replica-log-dirs.ts')).AlterReplicaLogDirs,
    },
  ],
  [35, { name: 'DescribeLogDirs', load: async () => (await import('./35-describe-log-dirs.ts')).DescribeLogDirs }],
  [36, { name: 'SaslAuthenticate', load: async () => (await import('./36-sasl-authenticate.ts')).SaslAuthenticate }],
  [37, { name: 'CreatePartitions', load: async () => (await import('./37-create-partitions.ts')).CreatePartitions }],
  [
    38,
    {
      name: 'CreateDelegationToken',
      load: async () => (await import('./38-create-delegation-token.ts')).CreateDelegationToken,
    },
  ],
  [
    39,
    {
      name: 'RenewDelegationToken',
      load: async () => (await import('./39-renew-delegation-token.ts')).RenewDelegationToken,
    },
  ],
  [
    40,
    {
      name: 'ExpireDelegationToken',
      load: async () => (await import('./40-expire-delegation-token.ts')).ExpireDelegationToken,
    },
  ],
  [
    41,
    {
      name: 'DescribeDelegationToken',
      load: async () => (await import('./41-describe-delegation-token.ts')).DescribeDelegationToken,
    },
  ],
  [42, { name: 'DeleteGroups', load: async () => (await import('./42-delete-groups.ts')).DeleteGroups }],
  [43, { name: 'ElectLeaders', load: async () => (await import('./43-elect-leaders.ts')).ElectLeaders }],
  [
    44,
    {
      name: 'IncrementalAlterConfigs',
      load: async () => (await import('./44-incremental-alter-configs.ts')).IncrementalAlterConfigs,
    },
  ],
  [
    45,
    {
      name: 'AlterPartitionReassignments',
      load: async () => (await import('./45-alter-partition-reassignments.ts')).AlterPartitionReassignments,
    },
  ],
  [
    46,
    {
      name: 'ListPartitionReassignments',
      load: async () => (await import('./46-list-partition-reassignments.ts')).ListPartitionReassignments,
    },
  ],
  [47, { name: 'OffsetDelete', load: async () => (await import('./47-offset-delete.ts')).OffsetDelete }],
  [
    48,
    {
      name: 'DescribeClientQuotas',
      load: async () => (await import('./48-describe-client-quotas.ts')).DescribeClientQuotas,
    },
  ],
  [
    49,
    { name: 'AlterClientQuotas', load: async () => (await import('./49-alter-client-quotas.ts')).AlterClientQuotas },
  ],
  [
    50,
    {
      name: 'DescribeUserScramCredentials',
      load: async () => (await import('./50-describe-user-scram-credentials.ts')).DescribeUserScramCredentials,
    },
  ],
  [
    51,
    {
      name: 'AlterUserScramCredentials',
      load: async () => (await import('./51-alter-user-scram-credentials.ts')).AlterUserScramCredentials,
    },
  ],
  [52, { name: 'Vote', load: async () => (await import('./52-vote.ts')).Vote }],
  [53, { name: 'BeginQuorumEpoch', load: async () => (await import('./53-begin-quorum-epoch.ts')).BeginQuorumEpoch }],
  [54, { name: 'EndQuorumEpoch', load: async () => (await import('./54-end-quorum-epoch.ts')).EndQuorumEpoch }],
  [55, { name: 'DescribeQuorum', load: async () => (await import('./55-describe-quorum.ts')).DescribeQuorum }],
  [56, { name: 'AlterPartition', load: async () => (await import('./56-alter-partition.ts')).AlterPartition }],
  [57, { name: 'UpdateFeatures', load: async () => (await import('./57-update-features.ts')).UpdateFeatures }],
  [58, { name: 'Envelope', load: async () => (await import('./58-envelope.ts')).Envelope }],
  [59, { name: 'FetchSnapshot', load: async () => (await import('./59-fetch-snapshot.ts')).FetchSnapshot }],
  [60, { name: 'DescribeCluster', load: async () => (await import('./60-describe-cluster.ts')).DescribeCluster }],
  [61, { name: 'DescribeProducers', load: async () => (await import('./61-describe-producers.ts')).DescribeProducers }],
  [
    62,
    { name: 'BrokerRegistration', load: async () => (await import('./62-broker-registration.ts')).BrokerRegistration },
  ],
  [63, { name: 'BrokerHeartbeat', load: async () => (await import('./63-broker-heartbeat.ts')).BrokerHeartbeat }],
  [64, { name: 'UnregisterBroker', load: async () => (await import('./64-unregister-broker.ts')).UnregisterBroker }],
  [
    65,
    {
      name: 'DescribeTransactions',
      load: async () => (await import('./65-describe-transactions.ts')).DescribeTransactions,
    },
  ],
  [66, { name: 'ListTransactions', load: async () => (await import('./66-list-transactions.ts')).ListTransactions }],
  [
    67,
    {
      name: 'AllocateProducerIds',
      load: async () => (await import('./67-allocate-producer-ids.ts')).AllocateProducerIds,
    },
  ],
  [
    68,
    {
      name: 'ConsumerGroupHeartbeat',
      load: async () => (await import('./68-consumer-group-heartbeat.ts')).ConsumerGroupHeartbeat,
    },
  ],
  [
    69,
    {
      name: 'ConsumerGroupDescribe',
      load: async () => (await import('./69-consumer-group-describe.ts')).ConsumerGroupDescribe,
    },
  ],
  [
    70,
    {
      name: 'ControllerRegistration',
      load: async () => (await import('./70-controller-registration.ts')).ControllerRegistration,
    },
  ],
  [
    71,
    {
      name: 'GetTelemetrySubscriptions',
      load: async () => (await import('./71-get-telemetry-subscriptions.ts')).GetTelemetrySubscriptions,
    },
  ],
  [72, { name: 'PushTelemetry', load: async () => (await import('./72-push-telemetry.ts')).PushTelemetry }],
  [
    73,
    {
      name: 'AssignReplicasToDirs',
      load: async () => (await import('./73-assign-replicas-to-dirs.ts')).AssignReplicasToDirs,
    },
  ],
  [
    74,
    {
      name: 'ListConfigResources',
      load: async () => (await import('./74-list-config-resources.ts')).ListConfigResources,
    },
  ],
  [
    75,
    {
      name: 'DescribeTopicPartitions',
      load: async () => (await import('./75-describe-topic-partitions.ts')).DescribeTopicPartitions,
    },
  ],
  [
    76,
    {
      name: 'ShareGroupHeartbeat',
      load: async () => (await import('./76-share-group-heartbeat.ts')).ShareGroupHeartbeat,
    },
  ],
  [
    77,
    { name: 'ShareGroupDescribe', load: async () => (await import('./77-share-group-describe.ts')).ShareGroupDescribe },
  ],
  [78, { name: 'ShareFetch', load: async () => (await import('./78-share-fetch.ts')).ShareFetch }],
  [79, { name: 'ShareAcknowledge', load: async () => (await import('./79-share-acknowledge.ts')).ShareAcknowledge }],
  [80, { name: 'AddRaftVoter', load: async () => (await import('./80-add-raft-voter.ts')).AddRaftVoter }],
  [81, { name: 'RemoveRaftVoter', load: async () => (await import('./81-remove-raft-voter.ts')).RemoveRaftVoter }],
  [82, { name: 'UpdateRaftVoter', load: async () => (await import('./82-update-raft-voter.ts')).UpdateRaftVoter }],
  [
    83,
    {
      name: 'InitializeShareGroupState',
      load: async () => (await import('./83-initialize-share-group-state.ts')).InitializeShareGroupState,
    },
  ],
  [
    84,
    {
      name: 'ReadShareGroupState',
      load: async () => (await import('./84-read-share-group-state.ts')).ReadShareGroupState,
    },
  ],
  [
    85,
    {
      name: 'WriteShareGroupState',
      load: async () => (await import('./85-write-share-group-state.ts')).WriteShareGroupState,
    },
  ],
  [
    86,
    {
      name: 'DeleteShareGroupState',
      load: async () => (await import('./86-delete-share-group-state.ts')).DeleteShareGroupState,
    },
  ],
  [
    87,
    {
      name: 'ReadShareGroupStateSummary',
      load: async () => (await import('./87-read-share-group-state-summary.ts')).ReadShareGroupStateSummary,
    },
  ],
  [
    88,
    {
      name: 'StreamsGroupHeartbeat',
      load: async () => (await import('./88-streams-group-heartbeat.ts')).StreamsGroupHeartbeat,
    },
  ],
  [
    89,
    {
      name: 'StreamsGroupDescribe',
      load: async () => (await import('./89-streams-group-describe.ts')).StreamsGroupDescribe,
    },
  ],
  [
    90,
    {
      name: 'DescribeShareGroupOffsets',
      load: async () => (await import('./90-describe-share-group-offsets.ts')).DescribeShareGroupOffsets,
    },
  ],
  [
    91,
    {
      name: 'AlterShareGroupOffsets',
      load: async () => (await import('./91-alter-share-group-offsets.ts')).AlterShareGroupOffsets,
    },
  ],
  [
    92,
    {
      name: 'DeleteShareGroupOffsets',
      load: async () => (await import('./92-delete-share-group-offsets.ts')).DeleteShareGroupOffsets,
    },
  ],
])
