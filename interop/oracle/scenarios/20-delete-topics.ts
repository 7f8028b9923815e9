/** DeleteTopics (20), and what a deleted topic answers. */
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import { OffsetForLeaderEpoch } from '@ottla/protocol/apis/23-offset-for-leader-epoch.ts'
import { DescribeLogDirs } from '@ottla/protocol/apis/35-describe-log-dirs.ts'
import { CreatePartitions } from '@ottla/protocol/apis/37-create-partitions.ts'
import { DescribeTopicPartitions } from '@ottla/protocol/apis/75-describe-topic-partitions.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { batch } from '../batches.ts'
import { create, look, remove } from '../requests-of-admins.ts'
import { read, settings, write } from '../requests-of-clients.ts'
import { ask, type Scenario, scenario } from '../scenario.ts'

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
  scenario(DeleteTopics, 'what a topic answers that is gone', {
    covers: ['13.8', '4.6', '5.7', '6.6', '7.1', '13.9', '13.17', '13.23'],
    topics: { a: {} },
    steps: [
      write(batch()),
      remove(['@a']),
      write(batch()),
      write(batch(), {}, { version: 13 }),
      read(),
      read({}, { version: 13 }),
      ask(ListOffsets, { replicaId: -1, topics: [{ name: '@a', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }),
      ask(DeleteRecords, { topics: [{ name: '@a', partitions: [{ partitionIndex: 0, offset: 0 }] }], timeoutMs: 5000 }),
      ask(OffsetForLeaderEpoch, { topics: [{ topic: '@a', partitions: [{ partition: 0, leaderEpoch: 0 }] }] }),
      settings({ keys: ['retention.ms'] }),
      ask(DescribeLogDirs, { topics: [{ topic: '@a', partitions: [0] }] }),
      ask(CreatePartitions, {
        topics: [{ name: '@a', count: 2, assignments: null }],
        ...{ timeoutMs: 5000, validateOnly: false },
      }),
      ask(DescribeTopicPartitions, { topics: [{ name: '@a' }] }),
    ],
  }),
  scenario(DeleteTopics, 'time limits', {
    covers: ['13.8'],
    topics: { a: {}, b: {} },
    steps: [remove(['@a'], 0), look(['@a']), remove(['@b'], -1), look(['@b']), remove(['@missing'], 0)],
  }),
  scenario(DeleteTopics, 'an internal topic', {
    covers: ['13.8', '0.7'],
    profile: 'impatient',
    steps: [
      create([{ name: '__share_group_state' }]),
      look(['__share_group_state']),
      remove(['__share_group_state']),
      look(['__share_group_state']),
    ],
  }),
]
