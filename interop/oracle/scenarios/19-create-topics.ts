/** CreateTopics (19), DeleteTopics (20) and CreatePartitions (37). */
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import { CreatePartitions } from '@ottla/protocol/apis/37-create-partitions.ts'
import type { RequestInputOf } from '@ottla/protocol/codec.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { settings } from '../requests-of-clients.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'

type NewTopic = RequestInputOf<typeof CreateTopics>['topics'][number]

const create = (topics: readonly Partial<NewTopic>[], request: { validateOnly?: boolean } = {}): AskStep =>
  ask(CreateTopics, {
    topics: topics.map((topic) => ({
      ...{ name: '@a', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...topic },
    })),
    timeoutMs: 5000,
    ...request,
  })

const remove = (names: readonly string[]): AskStep =>
  ask(DeleteTopics, ({ version }) => ({
    ...{ timeoutMs: 5000, topicNames: [...names] },
    topics: version < 6 ? [] : names.map((name) => ({ name, topicId: ZERO_UUID })),
  }))

/** Always in the same form, whatever the scenario's API. */
const removed = (names: readonly string[]): AskStep =>
  ask(DeleteTopics, { topicNames: [...names], timeoutMs: 5000 }, { version: 5 })

const look = (names: readonly string[]): AskStep =>
  ask(
    Metadata,
    { topics: names.map((name) => ({ name, topicId: ZERO_UUID })), allowAutoTopicCreation: false },
    { version: 12 },
  )

const configs = (values: { readonly [key: string]: string | null }) =>
  Object.entries(values).map(([name, value]) => ({ name, value }))
const replicas = (...lists: readonly (readonly number[])[]) =>
  lists.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds: [...brokerIds] }))
const assigned = (assignments: { partitionIndex: number; brokerIds: number[] }[], more: Partial<NewTopic> = {}) =>
  create([{ numPartitions: -1, replicationFactor: -1, assignments, ...more }])

export const CREATE_TOPICS: readonly Scenario[] = [
  scenario(CreateTopics, 'a topic with its settings', {
    covers: ['13.1', '13.7'],
    steps: [
      create([{ numPartitions: 3, configs: configs({ 'retention.ms': '1000', 'cleanup.policy': 'compact' }) }]),
      look(['@a']),
      settings({ keys: ['retention.ms', 'cleanup.policy', 'segment.bytes'] }),
      create([{}]),
      removed(['@a']),
    ],
  }),
  scenario(CreateTopics, 'several at once, good and bad', {
    covers: ['13.1', '13.3', '13.5'],
    steps: [
      create([
        { name: '@a' },
        { name: '@b', numPartitions: 0 },
        { name: 'not a name' },
        { name: '@c', numPartitions: 2 },
      ]),
      look(['@a', '@b', '@c']),
      removed(['@a', '@c']),
      create([]),
    ],
  }),
  scenario(CreateTopics, 'a name twice in one request', {
    covers: ['13.2'],
    steps: [create([{ name: '@a' }, { name: '@b' }, { name: '@a' }]), look(['@a', '@b']), removed(['@b'])],
  }),
  scenario(CreateTopics, 'names that are none', {
    covers: ['13.2', '13.3', '0.7'],
    steps: ['', '.', '..', 'a b', 'ü', 'a/b', 'x'.repeat(250), '__cluster_metadata'].map((name) => create([{ name }])),
  }),
  scenario(CreateTopics, 'the longest name', {
    covers: ['0.7'],
    versions: [7, 7],
    steps: [create([{ name: 'x'.repeat(249) }]), removed(['x'.repeat(249)])],
  }),
  scenario(CreateTopics, 'names that collide', {
    covers: ['13.3', '0.7'],
    steps: [
      create([{ name: '@a.b' }]),
      create([{ name: '@a_b' }]),
      create([{ name: '@a.b' }]),
      create([{ name: '@c.d' }, { name: '@c_d' }]),
      removed(['@a.b', '@c.d', '@c_d']),
    ],
  }),
  scenario(CreateTopics, 'settings that are wrong', {
    covers: ['13.3'],
    steps: [
      create([{ configs: configs({ 'no.such.key': '1' }) }]),
      create([{ configs: configs({ 'retention.ms': null }) }]),
      create([{ configs: configs({ 'retention.ms': 'many' }) }]),
      create([{ configs: configs({ 'retention.ms': '-2' }) }]),
      create([{ configs: configs({ 'cleanup.policy': 'sometimes' }) }]),
      create([{ configs: configs({ 'cleanup.policy': '' }) }]),
      create([{ configs: configs({ 'min.insync.replicas': '0' }) }]),
      create([{ configs: configs({ 'max.message.bytes': '-1' }) }]),
      create([{ configs: configs({ 'segment.bytes': '13' }) }]),
      create([{ configs: configs({ 'compression.type': 'zip' }) }]),
      create([{ configs: configs({ 'compression.gzip.level': '99' }) }]),
      create([{ configs: configs({ 'message.timestamp.type': 'Never' }) }]),
      create([{ configs: configs({ 'unclean.leader.election.enable': 'maybe' }) }]),
      create([{ configs: configs({ 'local.retention.ms': '5000', 'retention.ms': '1000' }) }]),
      create([{ configs: configs({ '': '' }) }]),
      create([{ configs: [...configs({ 'retention.ms': '1' }), ...configs({ 'retention.ms': '2' })] }], {
        validateOnly: true,
      }),
    ],
  }),
  scenario(CreateTopics, 'numbers of partitions and replicas', {
    covers: ['13.5'],
    steps: [
      create([{ numPartitions: 0 }]),
      create([{ numPartitions: -2 }]),
      create([{ replicationFactor: 0 }]),
      create([{ replicationFactor: -2 }]),
      create([{ replicationFactor: 2 }]),
      create([{ numPartitions: 0, replicationFactor: 0 }]),
      create([{ numPartitions: -1, replicationFactor: -1 }]),
      removed(['@a']),
    ],
  }),
  scenario(CreateTopics, 'a broker’s own number of partitions', {
    covers: ['13.5', '13.18'],
    profile: 'strict',
    steps: [create([{ numPartitions: -1, replicationFactor: -1 }], { validateOnly: true })],
  }),
  scenario(CreateTopics, 'too many partitions', {
    covers: ['13.2'],
    steps: [
      create([{ numPartitions: 10_001 }, { name: '@b' }], { validateOnly: true }),
      create([{ numPartitions: 5000 }, { name: '@b', numPartitions: 5001 }], { validateOnly: true }),
      create([{ numPartitions: 10_001, configs: configs({ 'no.such.key': '1' }) }, { name: 'not a name' }], {
        validateOnly: true,
      }),
    ],
  }),
  scenario(CreateTopics, 'replicas that are assigned', {
    covers: ['13.4'],
    steps: [
      assigned(replicas([1], [1])),
      look(['@a']),
      removed(['@a']),
      create([{ numPartitions: 1, replicationFactor: -1, assignments: replicas([1]) }]),
      create([{ numPartitions: -1, replicationFactor: 1, assignments: replicas([1]) }]),
      assigned([{ partitionIndex: 1, brokerIds: [1] }]),
      assigned([...replicas([1]), ...replicas([1])]),
      assigned([{ partitionIndex: -1, brokerIds: [1] }]),
      assigned(replicas([])),
      assigned(replicas([1], [])),
      assigned(replicas([7])),
      assigned(replicas([1, 1])),
      assigned(replicas([1], [1, 7])),
      assigned(replicas([-1])),
    ],
  }),
  scenario(CreateTopics, 'only validated', {
    covers: ['13.7'],
    steps: [
      create([{ numPartitions: 2, configs: configs({ 'retention.ms': '5' }) }], { validateOnly: true }),
      create([{ numPartitions: 0 }], { validateOnly: true }),
      create([{ configs: configs({ 'no.such.key': '1' }) }], { validateOnly: true }),
      look(['@a']),
    ],
  }),
]

export const DELETE_TOPICS: readonly Scenario[] = [
  scenario(DeleteTopics, 'topics go', {
    covers: ['13.8'],
    topics: { a: {}, b: {} },
    steps: [
      remove(['@a', '@missing', '@b']),
      look(['@a', '@b']),
      remove(['@a']),
      remove([]),
      remove(['not a name']),
      remove(['']),
    ],
  }),
  scenario(DeleteTopics, 'a name twice', {
    covers: ['13.8'],
    topics: { a: {}, b: {} },
    steps: [remove(['@a', '@a', '@b']), look(['@a', '@b'])],
  }),
  scenario(DeleteTopics, 'topics by id', {
    covers: ['13.8'],
    versions: [6, 6],
    topics: { a: {}, b: {} },
    steps: [
      ask(DeleteTopics, { topics: [{ name: null, topicId: '@unknown' }], timeoutMs: 5000 }),
      ask(DeleteTopics, { topics: [{ name: null, topicId: ZERO_UUID }], timeoutMs: 5000 }),
      ask(DeleteTopics, { topics: [{ name: '@a', topicId: '@a' }], timeoutMs: 5000 }),
      ask(DeleteTopics, {
        topics: [
          { name: null, topicId: '@a' },
          { name: '@a', topicId: ZERO_UUID },
        ],
        timeoutMs: 5000,
      }),
      ask(DeleteTopics, {
        topics: [
          { name: null, topicId: '@a' },
          { name: null, topicId: '@a' },
          { name: null, topicId: '@b' },
        ],
        timeoutMs: 5000,
      }),
      look(['@a', '@b']),
      ask(DeleteTopics, { topics: [{ name: null, topicId: '@a' }], timeoutMs: 5000 }),
    ],
  }),
  scenario(DeleteTopics, 'a topic made anew has another id', {
    covers: ['13.8'],
    topics: { a: {} },
    steps: [remove(['@a']), create([{}]), look(['@a'])],
  }),
  scenario(DeleteTopics, 'a broker that deletes no topics', {
    covers: ['13.8'],
    profile: 'strict',
    topics: { a: {} },
    steps: [remove(['@a', '@missing']), remove(['@a', '@a'])],
  }),
]

type More = RequestInputOf<typeof CreatePartitions>['topics'][number]

const grow = (topics: readonly Partial<More>[], request: { validateOnly?: boolean } = {}): AskStep =>
  ask(CreatePartitions, {
    topics: topics.map((topic) => ({ name: '@a', count: 3, assignments: null, ...topic })),
    ...{ timeoutMs: 5000, validateOnly: false, ...request },
  })

export const CREATE_PARTITIONS: readonly Scenario[] = [
  scenario(CreatePartitions, 'a topic grows', {
    covers: ['13.9'],
    topics: { a: {}, b: { partitions: 2 } },
    steps: [
      grow([{}]),
      look(['@a']),
      grow([{ count: 4 }, { name: '@b', count: 2 }, { name: '@missing' }]),
      look(['@a', '@b']),
    ],
  }),
  scenario(CreatePartitions, 'counts that are too low', {
    covers: ['13.9'],
    topics: { a: { partitions: 2 } },
    steps: [2, 1, 0, -1].map((count) => grow([{ count }])),
  }),
  scenario(CreatePartitions, 'a topic twice', {
    covers: ['13.9'],
    topics: { a: {}, b: {} },
    steps: [grow([{ count: 2 }, { count: 3 }, { name: '@b' }]), look(['@a', '@b']), grow([])],
  }),
  scenario(CreatePartitions, 'replicas that are assigned', {
    covers: ['13.9'],
    topics: { a: {} },
    steps: [
      grow([{ assignments: [{ brokerIds: [1] }, { brokerIds: [1] }] }], { validateOnly: true }),
      grow([{ assignments: [] }], { validateOnly: true }),
      grow([{ assignments: [{ brokerIds: [1] }] }]),
      grow([{ assignments: [{ brokerIds: [1] }, { brokerIds: [1] }, { brokerIds: [1] }] }]),
      grow([{ assignments: [{ brokerIds: [1] }, { brokerIds: [] }] }]),
      grow([{ assignments: [{ brokerIds: [1] }, { brokerIds: [7] }] }]),
      grow([{ assignments: [{ brokerIds: [1] }, { brokerIds: [1, 1] }] }]),
      grow([{ assignments: [{ brokerIds: [1, 7] }, { brokerIds: [1, 7] }] }]),
      grow([{ count: 1, assignments: [{ brokerIds: [1] }] }]),
      grow([{ assignments: [{ brokerIds: [1] }, { brokerIds: [1] }] }]),
      look(['@a']),
    ],
  }),
  scenario(CreatePartitions, 'only validated', {
    covers: ['13.9'],
    topics: { a: {} },
    steps: [grow([{}], { validateOnly: true }), grow([{ count: 1 }], { validateOnly: true }), look(['@a'])],
  }),
  scenario(CreatePartitions, 'too many partitions', {
    covers: ['13.9'],
    topics: { a: {} },
    steps: [grow([{ count: 10_002 }], { validateOnly: true }), grow([{ name: 'not a name' }])],
  }),
]
