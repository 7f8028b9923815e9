/**
 * The one list of what this broker serves: each API with its handler and with the reply that it gives when the handler
 * fails as a whole. Versions are the tables'; those that Kafka does not advertise are not served either.
 */

import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
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
import { ElectLeaders } from '@ottla/protocol/apis/43-elect-leaders.ts'
import { IncrementalAlterConfigs } from '@ottla/protocol/apis/44-incremental-alter-configs.ts'
import { AlterPartitionReassignments } from '@ottla/protocol/apis/45-alter-partition-reassignments.ts'
import { ListPartitionReassignments } from '@ottla/protocol/apis/46-list-partition-reassignments.ts'
import { UpdateFeatures } from '@ottla/protocol/apis/57-update-features.ts'
import { Envelope } from '@ottla/protocol/apis/58-envelope.ts'
import { DescribeCluster } from '@ottla/protocol/apis/60-describe-cluster.ts'
import { UnregisterBroker } from '@ottla/protocol/apis/64-unregister-broker.ts'
import { ListConfigResources } from '@ottla/protocol/apis/74-list-config-resources.ts'
import { DescribeTopicPartitions } from '@ottla/protocol/apis/75-describe-topic-partitions.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { produce } from './00-produce.ts'
import { fetch } from './01-fetch.ts'
import { listOffsets } from './02-list-offsets.ts'
import { metadata } from './03-metadata.ts'
import { type AdvertisedApi, apiVersions } from './18-api-versions.ts'
import { createTopics } from './19-create-topics.ts'
import { deleteTopics } from './20-delete-topics.ts'
import { deleteRecords } from './21-delete-records.ts'
import { initProducerId } from './22-init-producer-id.ts'
import { offsetForLeaderEpoch } from './23-offset-for-leader-epoch.ts'
import { describeConfigs } from './32-describe-configs.ts'
import { alterConfigs } from './33-alter-configs.ts'
import { describeLogDirs } from './35-describe-log-dirs.ts'
import { createPartitions } from './37-create-partitions.ts'
import { electionsRefused, electLeaders } from './43-elect-leaders.ts'
import { incrementalAlterConfigs } from './44-incremental-alter-configs.ts'
import { alterPartitionReassignments, reassignmentsRefused } from './45-alter-partition-reassignments.ts'
import { listPartitionReassignments, listRefused } from './46-list-partition-reassignments.ts'
import { updateFeatures } from './57-update-features.ts'
import { envelope } from './58-envelope.ts'
import { describeCluster } from './60-describe-cluster.ts'
import { unregisterBroker } from './64-unregister-broker.ts'
import { listConfigResources } from './74-list-config-resources.ts'
import { describeTopicPartitions } from './75-describe-topic-partitions.ts'
import { ConnectionCloseError } from './connection-close.ts'
import type { BrokerParts } from './parts.ts'
import { type Failure, isOrdinary, type ServedApi, serve } from './served-api.ts'
import { groupApis } from './served-groups.ts'

export type { ServedApi }

/** librdkafka before 1.9 takes a broker whose Produce begins later for one that cannot produce; 0 to 2 are refused. */
const PRODUCE_ADVERTISED_FROM = 0

export function servedApis(parts: BrokerParts): ServedApi[] {
  const withVersions: ServedApi = serve(
    ApiVersions,
    apiVersions(parts, () => advertised(served)),
    (_, { code }) => ({
      ...{ errorCode: code, apiKeys: [] },
    }),
  )
  const others = [
    ...[...recordApis(parts), ...groupApis(parts), ...clusterApis(parts), ...adminApis(parts)],
    ...brokerApis(parts),
  ]
  const all: ServedApi[] = [...others, withVersions]
  const served: ServedApi[] = parts.config().unstableApiVersions ? all : all.map(withoutUnstable)
  return served
}

/** What producers and consumers use. */
function recordApis(parts: BrokerParts): ServedApi[] {
  return [
    serve(Produce, produce(parts), failedProduce, hasRefusedBatch),
    serve(
      Fetch,
      fetch(parts),
      ({ topics }, { code, version }) =>
        version >= 7
          ? { errorCode: code, responses: [] }
          : {
              responses: topics.map(({ topic, partitions }) => ({
                topic,
                partitions: partitions.map(({ partition }) => ({
                  ...{ partitionIndex: partition, errorCode: code, highWatermark: -1, records: [] },
                })),
              })),
            },
      isOrdinary,
    ),
    serve(ListOffsets, listOffsets(parts), ({ topics }, { code }) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code })),
      })),
    })),
    serve(DeleteRecords, deleteRecords(parts), ({ topics }, { code }) => ({
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, lowWatermark: -1, errorCode: code })),
      })),
    })),
    serve(InitProducerId, initProducerId(parts), (_, { code }) => ({ errorCode: code, producerEpoch: -1 })),
    serve(OffsetForLeaderEpoch, offsetForLeaderEpoch(parts), ({ topics }, { code }) => ({
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition }) => ({ errorCode: code, partition })),
      })),
    })),
  ]
}

/** What tells where things are. */
function clusterApis(parts: BrokerParts): ServedApi[] {
  return [
    serve(Metadata, metadata(parts), ({ topics }, { code, version }) => ({
      ...{ brokers: [], errorCode: code },
      topics: (topics ?? []).map(({ name, topicId }) => ({
        ...{ name: version < 12 ? (name ?? '') : name, topicId, errorCode: code, partitions: [] },
      })),
    })),
    serve(DescribeCluster, describeCluster(parts), (_, { code, message }) => ({
      ...{ errorCode: code, errorMessage: message, clusterId: '', brokers: [] },
    })),
    serve(DescribeTopicPartitions, describeTopicPartitions(parts), ({ topics }, { code }) => ({
      topics: topics.map(({ name }) => ({ name, topicId: ZERO_UUID, errorCode: code, partitions: [] })),
    })),
  ]
}

/** What brokers ask of the controller. */
function brokerApis(parts: BrokerParts): ServedApi[] {
  return [serve(Envelope, envelope(parts), (_, { code }) => ({ responseData: null, errorCode: code }))]
}

/** What changes and shows topics and settings. */
function adminApis(parts: BrokerParts): ServedApi[] {
  return [
    serve(CreateTopics, createTopics(parts), ({ topics }, { code, message }) => ({
      topics: topics.map(({ name }) => ({ name, errorCode: code, errorMessage: message })),
    })),
    serve(DeleteTopics, deleteTopics(parts), ({ topics, topicNames }, { code, message, version }) => ({
      responses:
        version >= 6
          ? topics.map(({ name, topicId }) => ({ name, topicId, errorCode: code, errorMessage: message }))
          : topicNames.map((name) => ({ name, errorCode: code })),
    })),
    serve(DescribeConfigs, describeConfigs(parts), ({ resources }, { code, message }) => ({
      results: resources.map(({ resourceType, resourceName }) => ({
        ...{ errorCode: code, errorMessage: message, resourceType, resourceName, configs: [] },
      })),
    })),
    serve(ListConfigResources, listConfigResources(parts), (_, { code }) => ({ errorCode: code, configResources: [] })),
    serve(AlterConfigs, alterConfigs(parts), ({ resources }, { code, message }) => ({
      responses: resources.map(({ resourceType, resourceName }) => ({
        ...{ errorCode: code, errorMessage: message, resourceType, resourceName },
      })),
    })),
    serve(DescribeLogDirs, describeLogDirs(parts), (_, { code }) => ({ errorCode: code, results: [] })),
    serve(CreatePartitions, createPartitions(parts), ({ topics }, { code, message }) => ({
      results: topics.map(({ name }) => ({ name, errorCode: code, errorMessage: message })),
    })),
    serve(ElectLeaders, electLeaders(parts), electionsRefused),
    serve(IncrementalAlterConfigs, incrementalAlterConfigs(parts), ({ resources }, { code, message }) => ({
      responses: resources.map(({ resourceType, resourceName }) => ({
        ...{ errorCode: code, errorMessage: message, resourceType, resourceName },
      })),
    })),
    serve(UpdateFeatures, updateFeatures(parts), (_, { code, message }) => ({
      errorCode: code,
      errorMessage: message,
    })),
    ...reassignmentApis(parts),
  ]
}

/** What moves partitions between brokers, and forgets brokers. */
function reassignmentApis(parts: BrokerParts): ServedApi[] {
  return [
    serve(AlterPartitionReassignments, alterPartitionReassignments(parts), reassignmentsRefused),
    serve(ListPartitionReassignments, listPartitionReassignments(parts), listRefused),
    serve(UnregisterBroker, unregisterBroker(parts), (_, { code, message }) => ({
      ...{ errorCode: code, errorMessage: message },
    })),
  ]
}

/** A producer that wants no reply gets none, not even this one. */
function failedProduce({ acks, topicData }: RequestOf<typeof Produce>, { code, message }: Failure) {
  if (acks === 0) throw new ConnectionCloseError(`a request with acks=0 failed: ${message}`)
  const responses = topicData.map(({ name, topicId, partitionData }) => ({
    ...{ name, topicId },
    partitionResponses: partitionData.map(({ index }) => ({ index, errorCode: code, baseOffset: -1 })),
  }))
  return { responses }
}

function hasRefusedBatch({ responses }: ResponseInputOf<typeof Produce>): boolean {
  for (const { partitionResponses } of responses) {
    for (const { errorCode } of partitionResponses) if (errorCode !== 0) return true
  }
  return false
}

function withoutUnstable(served: ServedApi): ServedApi {
  const [first, last] = served.versions
  return served.api.unstableLast ? { ...served, versions: [first, last - 1] } : served
}

/** What brokers alone say to each other is served and not told to clients. */
function advertised(served: readonly ServedApi[]): AdvertisedApi[] {
  const forClients = served.filter(({ api }) => api.listeners.includes('broker'))
  return forClients.map(({ api, versions: [first, last] }) => ({
    key: api.key,
    versions: [api.key === Produce.key ? PRODUCE_ADVERTISED_FROM : first, last],
  }))
}
