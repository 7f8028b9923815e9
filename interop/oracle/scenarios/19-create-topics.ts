/** CreateTopics (19). */
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { create, look, type NewTopic, removed } from '../requests-of-admins.ts'
import { settings } from '../requests-of-clients.ts'
import { type Scenario, scenario } from '../scenario.ts'

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
  scenario(CreateTopics, 'time limits', {
    covers: ['13.7'],
    steps: [
      create([{ name: '@a' }], { timeoutMs: 0 }),
      look(['@a']),
      create([{ name: '@b' }], { timeoutMs: -1 }),
      look(['@b']),
      removed(['@a', '@b']),
    ],
  }),
  scenario(CreateTopics, 'an internal topic that there is', {
    covers: ['13.3', '0.7'],
    steps: [create([{ name: '__consumer_offsets' }])],
  }),
]
