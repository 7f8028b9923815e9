/** Metadata (3), DescribeTopicPartitions (75) and DescribeCluster (60): what there is, and where. */
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { DescribeCluster } from '@ottla/protocol/apis/60-describe-cluster.ts'
import { DescribeTopicPartitions } from '@ottla/protocol/apis/75-describe-topic-partitions.ts'
import type { RequestInputOf } from '@ottla/protocol/codec.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'

type Request = RequestInputOf<typeof Metadata>

const two = { a: {}, b: { partitions: 3 } }
const NO_CREATION = { allowAutoTopicCreation: false }

const named = (names: readonly string[], request: Partial<Request> = NO_CREATION): AskStep =>
  ask(Metadata, { topics: names.map((name) => ({ name, topicId: ZERO_UUID })), ...request })

const partitionsOf = (
  names: readonly string[],
  request: Partial<RequestInputOf<typeof DescribeTopicPartitions>> = {},
): AskStep => ask(DescribeTopicPartitions, { topics: names.map((name) => ({ name })), ...request })

export const METADATA: readonly Scenario[] = [
  scenario(Metadata, 'topics by name', {
    covers: ['2.1', '2.6'],
    topics: two,
    steps: [named(['@a']), named(['@b', '@a']), named(['@a', '@a'])],
  }),
  scenario(Metadata, 'all topics, and none', {
    covers: ['2.1', '2.6'],
    topics: two,
    steps: [
      ask(Metadata, ({ version }) => ({ topics: version === 0 ? [] : null })),
      ask(Metadata, { topics: [], ...NO_CREATION }),
    ],
  }),
  scenario(Metadata, 'an unknown topic that may not be created', {
    covers: ['2.3'],
    versions: [4, 13],
    steps: [
      named(['@missing']),
      named(['not a name']),
      named(['']),
      named(['.']),
      named(['..']),
      named(['x'.repeat(250)]),
    ],
  }),
  scenario(Metadata, 'an unknown topic that may be created', {
    covers: ['2.3', '0.7'],
    steps: [
      named(['@a'], { allowAutoTopicCreation: true }),
      ask(
        Metadata,
        { topics: [{ name: '@a', topicId: ZERO_UUID }], ...NO_CREATION },
        { version: 12, until: (reply: { topics: { errorCode: number }[] }) => reply.topics[0]!.errorCode === 0 },
      ),
      named(['not a name', '@a'], { allowAutoTopicCreation: true }),
      named([''], { allowAutoTopicCreation: true }),
    ],
  }),
  scenario(Metadata, 'a broker that does not create topics', {
    covers: ['2.3'],
    profile: 'strict',
    steps: [
      named(['@missing'], { allowAutoTopicCreation: true }),
      named(['not a name'], { allowAutoTopicCreation: true }),
    ],
  }),
  scenario(Metadata, 'topics by id', {
    covers: ['2.2'],
    versions: [10, 13],
    topics: two,
    steps: [
      ask(Metadata, { topics: [{ name: null, topicId: '@a' }], ...NO_CREATION }),
      ask(Metadata, { topics: [{ name: '@b', topicId: '@a' }], ...NO_CREATION }),
      ask(Metadata, { topics: [{ name: null, topicId: '@unknown' }], ...NO_CREATION }),
      ask(Metadata, {
        topics: [
          { name: null, topicId: '@a' },
          { name: null, topicId: '@b' },
          { name: null, topicId: '@a' },
        ],
        ...NO_CREATION,
      }),
      ask(Metadata, {
        topics: [
          { name: '@b', topicId: ZERO_UUID },
          { name: null, topicId: '@a' },
          { name: null, topicId: '@unknown' },
        ],
        ...NO_CREATION,
      }),
      ask(Metadata, { topics: [{ name: null, topicId: ZERO_UUID }], ...NO_CREATION }),
    ],
  }),
  scenario(Metadata, 'authorized operations', {
    covers: ['2.8'],
    versions: [8, 13],
    topics: two,
    steps: [
      named(['@a', '@missing'], { ...NO_CREATION, includeTopicAuthorizedOperations: true }),
      named(['@a'], { ...NO_CREATION, includeClusterAuthorizedOperations: true }),
      named(['@a']),
    ],
  }),
  scenario(Metadata, 'internal topics', {
    covers: ['2.4'],
    versions: [1, 13],
    steps: [named(['__consumer_offsets'])],
  }),
  scenario(Metadata, 'internal topics that are missing', {
    covers: ['2.3', '0.7'],
    profile: 'impatient',
    versions: [4, 13],
    steps: [named(['__share_group_state']), named(['__share_group_states']), partitionsOf(['__share_group_state'])],
  }),
  scenario(Metadata, 'a broker with a rack', {
    covers: ['2.6'],
    profile: 'strict',
    steps: [ask(Metadata, { topics: [], ...NO_CREATION })],
  }),
]

export const DESCRIBE_TOPIC_PARTITIONS: readonly Scenario[] = [
  scenario(DescribeTopicPartitions, 'topics in the order of their names', {
    covers: ['2.9'],
    topics: two,
    steps: [partitionsOf(['@b', '@a']), partitionsOf(['@a', '@a']), partitionsOf(['@b', '@missing', '@a'])],
  }),
  scenario(DescribeTopicPartitions, 'unknown and bad names', {
    covers: ['2.9'],
    steps: [partitionsOf(['@missing']), partitionsOf(['not a name']), partitionsOf([''])],
  }),
  scenario(DescribeTopicPartitions, 'a limit, and going on from the cursor', {
    covers: ['2.9'],
    topics: { a: { partitions: 2 }, b: { partitions: 3 }, c: {} },
    steps: [
      ...[0, -1, 1, 2, 3, 5, 6, 7].map((responsePartitionLimit) =>
        partitionsOf(['@a', '@b', '@c'], { responsePartitionLimit }),
      ),
      ...[
        { topicName: '@b', partitionIndex: 1 },
        { topicName: '@b', partitionIndex: 3 },
        { topicName: '@c', partitionIndex: 0 },
        { topicName: '@b', partitionIndex: -1 },
        { topicName: '@missing', partitionIndex: 0 },
        { topicName: '@aa', partitionIndex: 0 },
        { topicName: '', partitionIndex: 0 },
      ].map((cursor) => partitionsOf(['@a', '@b', '@c'], { cursor, responsePartitionLimit: 2 })),
      partitionsOf(['@a', '@missing', '@c'], { responsePartitionLimit: 2 }),
      partitionsOf(['@a', '@missing', '@c'], { cursor: { topicName: '@missing', partitionIndex: 0 } }),
    ],
  }),
  scenario(DescribeTopicPartitions, 'internal topics', {
    covers: ['2.9', '0.7'],
    steps: [partitionsOf(['__consumer_offsets', '@missing'])],
  }),
  scenario(DescribeTopicPartitions, 'all topics', { covers: ['2.9'], topics: two, steps: [partitionsOf([])] }),
  scenario(DescribeTopicPartitions, 'a broker’s own limit', {
    covers: ['2.9'],
    profile: 'strict',
    topics: two,
    steps: [partitionsOf(['@a', '@b']), partitionsOf(['@a', '@b'], { responsePartitionLimit: 1 })],
  }),
]

const cluster = (request: Partial<RequestInputOf<typeof DescribeCluster>> = {}): AskStep =>
  ask(DescribeCluster, { includeClusterAuthorizedOperations: false, ...request })

export const DESCRIBE_CLUSTER: readonly Scenario[] = [
  scenario(DescribeCluster, 'brokers, and what the client may do', {
    covers: ['2.10', '2.8'],
    steps: [cluster(), cluster({ includeClusterAuthorizedOperations: true }), cluster({ includeFencedBrokers: true })],
  }),
  scenario(DescribeCluster, 'types of endpoints', {
    covers: ['2.10'],
    versions: [1, 2],
    steps: [1, 2, 0, 3, -1].map((endpointType) => cluster({ endpointType })),
  }),
  scenario(DescribeCluster, 'a broker with a rack', { covers: ['2.10'], profile: 'strict', steps: [cluster()] }),
]
