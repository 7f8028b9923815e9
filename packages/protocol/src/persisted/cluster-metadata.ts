/**
 * Records of `__cluster_metadata`.
 * Value: uvarint frame version 1, uvarint `type`, uvarint version, then the message. The key is null.
 */
import { data } from '../codec.ts'
import { array, bool, bytes, float64, int8, int16, int32, int64, string, uint16, uuid } from '../types.ts'

export const RegisterBrokerRecord = data('RegisterBrokerRecord', { versions: [0, 3], flexible: 0, type: 0 }, {
  brokerId:             int32,
  isMigratingZkBroker:  bool.since(2).default(false),
  incarnationId:        uuid,
  brokerEpoch:          int64,
  endPoints:            array({
    name:             string,
    host:             string,
    port:             uint16,
    securityProtocol: int16,
  }),
  features:             array({ name: string, minSupportedVersion: int16, maxSupportedVersion: int16 }),
  rack:                 string.nullable(),
  fenced:               bool.default(true),
  inControlledShutdown: bool.since(1).default(false),
  logDirs:              array(uuid).tag(0, 3),
})

export const UnregisterBrokerRecord = data('UnregisterBrokerRecord', { versions: [0, 0], flexible: 0, type: 1 }, {
  brokerId:    int32,
  brokerEpoch: int64,
})

export const TopicRecord = data('TopicRecord', { versions: [0, 0], flexible: 0, type: 2 }, {
  name:    string,
  topicId: uuid,
})

export const PartitionRecord = data('PartitionRecord', { versions: [0, 2], flexible: 0, type: 3 }, {
  partitionId:            int32.default(-1),
  topicId:                uuid,
  replicas:               array(int32),
  isr:                    array(int32),
  removingReplicas:       array(int32),
  addingReplicas:         array(int32),
  leader:                 int32.default(-1),
  leaderRecoveryState:    int8.tag(0, 0).default(0),
  leaderEpoch:            int32.default(-1),
  partitionEpoch:         int32.default(-1),
  directories:            array(uuid).since(1).default([]),
  eligibleLeaderReplicas: array(int32).nullable().tag(1, 2).default(null),
  lastKnownElr:           array(int32).nullable().tag(2, 2).default(null),
})

export const ConfigRecord = data('ConfigRecord', { versions: [0, 0], flexible: 0, type: 4 }, {
  resourceType: int8,
  resourceName: string,
  name:         string,
  value:        string.nullable(),
})

export const PartitionChangeRecord = data('PartitionChangeRecord', { versions: [0, 2], flexible: 0, type: 5 }, {
  partitionId:            int32.default(-1),
  topicId:                uuid,
  isr:                    array(int32).nullable().tag(0, 0).default(null),
  leader:                 int32.tag(1, 0).default(-2),
  replicas:               array(int32).nullable().tag(2, 0).default(null),
  removingReplicas:       array(int32).nullable().tag(3, 0).default(null),
  addingReplicas:         array(int32).nullable().tag(4, 0).default(null),
  leaderRecoveryState:    int8.tag(5, 0).default(-1),
  directories:            array(uuid).nullable().tag(8, 1).default(null),
  eligibleLeaderReplicas: array(int32).nullable().tag(6, 2).default(null),
  lastKnownElr:           array(int32).nullable().tag(7, 2).default(null),
})

export const FenceBrokerRecord = data('FenceBrokerRecord', { versions: [0, 0], flexible: 0, type: 7 }, {
  id:    int32,
  epoch: int64,
})

export const UnfenceBrokerRecord = data('UnfenceBrokerRecord', { versions: [0, 0], flexible: 0, type: 8 }, {
  id:    int32,
  epoch: int64,
})

export const RemoveTopicRecord = data('RemoveTopicRecord', { versions: [0, 0], flexible: 0, type: 9 }, {
  topicId: uuid,
})

export const DelegationTokenRecord = data('DelegationTokenRecord', { versions: [0, 0], flexible: 0, type: 10 }, {
  owner:               string,
  requester:           string,
  renewers:            array(string),
  issueTimestamp:      int64,
  maxTimestamp:        int64,
  expirationTimestamp: int64,
  tokenId:             string,
})

export const UserScramCredentialRecord = data(
  'UserScramCredentialRecord', { versions: [0, 0], flexible: 0, type: 11 }, {
  name:       string,
  mechanism:  int8,
  salt:       bytes,
  storedKey:  bytes,
  serverKey:  bytes,
  iterations: int32,
})

export const FeatureLevelRecord = data('FeatureLevelRecord', { versions: [0, 0], flexible: 0, type: 12 }, {
  name:         string,
  featureLevel: int16,
})

export const ClientQuotaRecord = data('ClientQuotaRecord', { versions: [0, 0], flexible: 0, type: 14 }, {
  entity: array({ entityType: string, entityName: string.nullable() }),
  key:    string,
  value:  float64,
  remove: bool,
})

export const ProducerIdsRecord = data('ProducerIdsRecord', { versions: [0, 0], flexible: 0, type: 15 }, {
  brokerId:       int32,
  brokerEpoch:    int64.default(-1),
  nextProducerId: int64,
})

export const BrokerRegistrationChangeRecord = data(
  'BrokerRegistrationChangeRecord', { versions: [0, 2], flexible: 0, type: 17 }, {
  brokerId:             int32,
  brokerEpoch:          int64,
  fenced:               int8.tag(0, 0),
  inControlledShutdown: int8.tag(1, 1),
  logDirs:              array(uuid).tag(2, 2),
})

export const AccessControlEntryRecord = data('AccessControlEntryRecord', { versions: [0, 0], flexible: 0, type: 18 }, {
  id:             uuid,
  resourceType:   int8,
  resourceName:   string,
  patternType:    int8,
  principal:      string,
  host:           string,
  operation:      int8,
  permissionType: int8,
})

export const RemoveAccessControlEntryRecord = data(
  'RemoveAccessControlEntryRecord', { versions: [0, 0], flexible: 0, type: 19 }, {
  id: uuid,
})

export const NoOpRecord = data('NoOpRecord', { versions: [0, 0], flexible: 0, type: 20 }, {})

export const ZkMigrationStateRecord = data('ZkMigrationStateRecord', { versions: [0, 0], flexible: 0, type: 21 }, {
  zkMigrationState: int8,
})

export const RemoveUserScramCredentialRecord = data(
  'RemoveUserScramCredentialRecord', { versions: [0, 0], flexible: 0, type: 22 }, {
  name:      string,
  mechanism: int8,
})

export const BeginTransactionRecord = data('BeginTransactionRecord', { versions: [0, 0], flexible: 0, type: 23 }, {
  name: string.nullable().tag(0, 0).default(null),
})

export const EndTransactionRecord = data('EndTransactionRecord', { versions: [0, 0], flexible: 0, type: 24 }, {})

export const AbortTransactionRecord = data('AbortTransactionRecord', { versions: [0, 0], flexible: 0, type: 25 }, {
  reason: string.nullable().tag(0, 0).default(null),
})

export const RemoveDelegationTokenRecord = data(
  'RemoveDelegationTokenRecord', { versions: [0, 0], flexible: 0, type: 26 }, {
  tokenId: string,
})

export const RegisterControllerRecord = data('RegisterControllerRecord', { versions: [0, 0], flexible: 0, type: 27 }, {
  controllerId:     int32,
  incarnationId:    uuid,
  zkMigrationReady: bool,
  endPoints:        array({
    name:             string,
    host:             string,
    port:             uint16,
    securityProtocol: int16,
  }),
  features:         array({ name: string, minSupportedVersion: int16, maxSupportedVersion: int16 }),
})

export const ClearElrRecord = data('ClearElrRecord', { versions: [0, 0], flexible: 0, type: 28 }, {
  topicName: string,
})
