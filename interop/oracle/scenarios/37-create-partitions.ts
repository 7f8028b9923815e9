/** CreatePartitions (37). */
import { CreatePartitions } from '@ottla/protocol/apis/37-create-partitions.ts'
import type { RequestInputOf } from '@ottla/protocol/codec.ts'
import { batch } from '../batches.ts'
import { look } from '../requests-of-admins.ts'
import { read, write } from '../requests-of-clients.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'

type More = RequestInputOf<typeof CreatePartitions>['topics'][number]

const grow = (
  topics: readonly Partial<More>[],
  request: { validateOnly?: boolean; timeoutMs?: number } = {},
): AskStep =>
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
  scenario(CreatePartitions, 'what is added is used as the others', {
    covers: ['13.9', '16.6'],
    topics: { a: {} },
    steps: [
      write(batch({ records: ['old'] })),
      write(batch(), { index: 2 }),
      grow([{}]),
      write(batch({ records: ['new'] }), { index: 2 }),
      read(),
      read({ index: 2 }),
      read({ index: 3 }),
    ],
  }),
  scenario(CreatePartitions, 'names that are none', {
    covers: ['13.9'],
    steps: ['', '.', '@missing', 'x'.repeat(250)].map((name) => grow([{ name }])),
  }),
  scenario(CreatePartitions, 'time limits', {
    covers: ['13.9'],
    topics: { a: {} },
    steps: [
      grow([{ count: 2 }], { timeoutMs: 0 }),
      look(['@a']),
      grow([{ count: 3 }], { timeoutMs: -1 }),
      look(['@a']),
    ],
  }),
]
