/** For tests: the plainest request of each API that is served, about a topic `t`. */
import type { AnyApi, RequestInputOf } from '@ottla/protocol/codec.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { encodeCall } from '../metadata/forwarded.ts'

const PRODUCED = { index: 0, records: Buffer.alloc(0) }
const TOPIC = { name: 't', topicId: ZERO_UUID }
const COMMITTED = { partitionIndex: 0, committedOffset: 0, committedMetadata: null }
const FETCHED = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }

/** `topics`: also where a request may do without, so that every reply has a place for an error. */
export function minimalRequest(key: number, version: number, { topics = false } = {}): RequestInputOf<AnyApi> {
  const topic = { name: 't', topic: 't', topicId: ZERO_UUID }
  switch (key) {
    case 0:
      return { acks: -1, timeoutMs: 1000, topicData: topics ? [{ ...topic, partitionData: [PRODUCED] }] : [] }
    case 1:
      return { maxWaitMs: 0, minBytes: 0, topics: topics ? [{ ...topic, partitions: [FETCHED] }] : [] }
    case 2:
      return { replicaId: -1, topics: [{ ...topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }
    case 3:
      return { topics: topics ? [topic] : version === 0 ? [] : null }
    case 10:
      return version < 4 ? { key: 'g' } : { coordinatorKeys: ['g'] }
    case 18:
      return { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
    case 19:
      return {
        topics: [{ name: 't', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }],
        timeoutMs: 1000,
      }
    case 20:
      return {
        timeoutMs: 1000,
        ...(version < 6 ? { topicNames: ['none'] } : { topics: [{ name: 'none', topicId: ZERO_UUID }] }),
      }
    case 21:
      return { timeoutMs: 1000, topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: -1 }] }] }
    case 22:
      return { transactionalId: null, transactionTimeoutMs: 1000 }
    case 23:
      return { topics: [{ topic: 't', partitions: [{ partition: 0, leaderEpoch: 0 }] }] }
    case 32:
      return { resources: [{ resourceType: 2, resourceName: 't', configurationKeys: null }] }
    case 33:
      return { resources: [{ resourceType: 2, resourceName: 't', configs: [] }], validateOnly: true }
    case 44:
      return { resources: [{ resourceType: 2, resourceName: 't', configs: [] }], validateOnly: true }
    case 35:
      return { topics: null }
    case 37:
      return { topics: [{ name: 't', count: 3, assignments: null }], timeoutMs: 1000, validateOnly: true }
    case 57:
      return { featureUpdates: [{ feature: 'group.version', maxVersionLevel: 1 }] }
    case 60:
      return { includeClusterAuthorizedOperations: true }
    case 74:
      return {}
    case 75:
      return { topics: [{ name: 't' }], responsePartitionLimit: 100 }
    default:
      return minimalPlacementRequest(key, version)
  }
}

/** About where partitions are and who leads them. */
function minimalPlacementRequest(key: number, version: number): RequestInputOf<AnyApi> {
  switch (key) {
    case 43:
      return { topicPartitions: [{ topic: 't', partitions: [0] }] }
    case 45:
      return { topics: [{ name: 't', partitions: [{ partitionIndex: 0, replicas: [1] }] }] }
    case 46:
      return { topics: null }
    case 64:
      return { brokerId: 9 }
    default:
      return minimalGroupRequest(key, version)
  }
}

/** About a group `g`, as a member `m` that there is not. */
function minimalGroupRequest(key: number, version: number): RequestInputOf<AnyApi> {
  const member = { groupId: 'g', memberId: 'm', generationId: 1 }
  switch (key) {
    case 8:
      return { groupId: 'g', memberId: '', topics: [{ ...TOPIC, partitions: [COMMITTED] }] }
    case 9:
      return version >= 8
        ? { groups: [{ groupId: 'g', topics: [{ ...TOPIC, partitionIndexes: [0] }] }] }
        : { groupId: 'g', topics: [{ ...TOPIC, partitionIndexes: [0] }] }
    case 11:
      return { ...member, sessionTimeoutMs: 10_000, protocolType: 'consumer', protocols: [] }
    case 12:
      return member
    case 13:
      return version >= 3 ? { groupId: 'g', members: [{ memberId: 'm' }] } : member
    case 14:
      return { ...member, protocolType: 'consumer', protocolName: 'range', assignments: [] }
    case 15:
      return { groups: ['g'] }
    case 16:
      return {}
    case 42:
      return { groupsNames: ['g'] }
    case 47:
      return { groupId: 'g', topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] }
    case 58:
      return {
        ...{ requestPrincipal: null, clientHostAddress: Buffer.alloc(0) },
        requestData: encodeCall({ method: 'deleteTopics', args: [[]] }),
      }
    case 68:
      return { groupId: 'g', memberId: 'm', memberEpoch: 1 }
    case 69:
      return { groupIds: ['g'], includeAuthorizedOperations: false }
    default:
      throw new Error(`No request for API ${key}`)
  }
}
