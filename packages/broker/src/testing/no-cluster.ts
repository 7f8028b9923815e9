/** For tests of a broker that is alone: what partitions ask of other brokers, where there are none. */
import { NodeNetwork } from '@ottla/base/node-network.ts'
import type { PartitionCluster } from '../partition/partition.ts'
import type { ClusterPorts } from '../partition/replication.ts'

function unexpected(): never {
  throw new Error('A partition with one replica asks nobody')
}

export function noCluster(): ClusterPorts {
  return {
    network: new NodeNetwork(),
    brokerEpoch: () => 1,
    isHeard: () => true,
    mayBeReplaced: () => false,
    controller: { alterPartitions: unexpected, reportFailedLogs: unexpected },
    onRefused: unexpected,
    onSilent: unexpected,
    onHeard: unexpected,
  }
}

export function aloneInCluster(): PartitionCluster {
  return {
    brokerEpoch: () => 1,
    isHeard: () => true,
    mayBeReplaced: () => false,
    brokers: { eligibleEpoch: () => null },
    propose: unexpected,
    lowerRecoveryPoint: unexpected,
    advanceLogStart: unexpected,
  }
}
