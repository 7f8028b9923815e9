/** DeleteRecords (21) and DescribeLogDirs (35). */
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import { DescribeLogDirs } from '@ottla/protocol/apis/35-describe-log-dirs.ts'
import { batch } from '../batches.ts'
import { offsetAt, read, write } from '../requests-of-clients.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'

const THREE = ['one', 'two', 'three'].map((value) => write(batch({ records: [value] })))

const before = (offset: number, text: { topic?: string; index?: number; timeoutMs?: number } = {}): AskStep => {
  const { topic = '@a', index = 0, timeoutMs = 5000 } = text
  return ask(DeleteRecords, { topics: [{ name: topic, partitions: [{ partitionIndex: index, offset }] }], timeoutMs })
}

export const DELETE_RECORDS: readonly Scenario[] = [
  scenario(DeleteRecords, 'raises the beginning of the log', {
    covers: ['7.2'],
    topics: { a: {} },
    steps: [
      ...THREE,
      ...[0, 1, 1, 0, 2, -1, -1].flatMap((offset) => [before(offset), offsetAt(-2)]),
      read({ offset: 3 }),
      write(batch()),
      read({ offset: 3 }),
    ],
  }),
  scenario(DeleteRecords, 'a beginning inside a batch', {
    covers: ['7.2'],
    topics: { a: {} },
    steps: [
      write(batch({ records: ['one', 'two', 'three'] })),
      before(1),
      offsetAt(-2),
      read({ offset: 0 }),
      read({ offset: 1 }),
    ],
  }),
  scenario(DeleteRecords, 'offsets that are none', {
    covers: ['7.1'],
    topics: { a: {} },
    steps: [...THREE, ...[4, -2, -100, Number.MAX_SAFE_INTEGER].map((offset) => before(offset)), offsetAt(-2)],
  }),
  scenario(DeleteRecords, 'an empty log', {
    covers: ['7.1', '7.2'],
    topics: { a: {} },
    steps: [0, -1, 1].map((offset) => before(offset)),
  }),
  scenario(DeleteRecords, 'unknown topics and partitions', {
    covers: ['7.1'],
    topics: { a: {} },
    steps: [
      before(0, { topic: '@missing' }),
      before(0, { index: 4 }),
      before(0, { index: -1 }),
      before(0, { topic: 'not a name' }),
      ask(DeleteRecords, { topics: [], timeoutMs: 5000 }),
      ask(DeleteRecords, { topics: [{ name: '@a', partitions: [] }], timeoutMs: 5000 }),
      before(0, { timeoutMs: 0 }),
      before(0, { timeoutMs: -1 }),
    ],
  }),
  scenario(DeleteRecords, 'one partition fails and another does not', {
    covers: ['7.1', '7.2'],
    topics: { a: { partitions: 2 } },
    steps: [
      ...THREE,
      ask(DeleteRecords, {
        topics: [
          {
            name: '@a',
            partitions: [
              { partitionIndex: 0, offset: 2 },
              { partitionIndex: 1, offset: 2 },
              { partitionIndex: 2, offset: 0 },
            ],
          },
          { name: '@missing', partitions: [{ partitionIndex: 0, offset: 0 }] },
        ],
        timeoutMs: 5000,
      }),
      offsetAt(-2),
    ],
  }),
  scenario(DeleteRecords, 'a compacted topic', {
    covers: ['7.1'],
    topics: { a: { configs: { 'cleanup.policy': 'compact' } }, b: { configs: { 'cleanup.policy': 'compact,delete' } } },
    steps: ['@a', '@b'].flatMap((topic) => [
      write(batch({ records: [{ key: 'k', value: 'v' }] }), { topic }),
      before(1, { topic }),
      before(9, { topic }),
    ]),
  }),
  scenario(DeleteRecords, 'internal topics', { covers: ['7.1'], steps: [before(0, { topic: '__consumer_offsets' })] }),
  scenario(DeleteRecords, 'a partition twice in one request', {
    covers: ['7.2'],
    topics: { a: {} },
    steps: [
      ...THREE,
      ask(DeleteRecords, {
        topics: [{ name: '@a', partitions: [1, 2].map((offset) => ({ partitionIndex: 0, offset })) }],
        timeoutMs: 5000,
      }),
      offsetAt(-2),
    ],
  }),
]

const dirs = (topics: { topic: string; partitions: number[] }[] | null): AskStep => ask(DescribeLogDirs, { topics })

export const DESCRIBE_LOG_DIRS: readonly Scenario[] = [
  scenario(DescribeLogDirs, 'sizes of partitions', {
    covers: ['13.23'],
    topics: { a: { partitions: 2 }, b: {} },
    steps: [
      dirs([{ topic: '@a', partitions: [0, 1] }]),
      ...THREE,
      dirs([{ topic: '@a', partitions: [0] }]),
      dirs([
        { topic: '@a', partitions: [1, 0] },
        { topic: '@b', partitions: [0] },
      ]),
      dirs(null),
    ],
  }),
  scenario(DescribeLogDirs, 'what is not there is absent', {
    covers: ['13.23'],
    topics: { a: {} },
    steps: [
      dirs([{ topic: '@a', partitions: [7] }]),
      dirs([{ topic: '@missing', partitions: [0] }]),
      dirs([{ topic: '@a', partitions: [] }]),
      dirs([{ topic: '@a', partitions: [0, 0] }]),
      dirs([]),
    ],
  }),
  scenario(DescribeLogDirs, 'names that are none, and a topic twice', {
    covers: ['13.23'],
    topics: { a: { partitions: 2 } },
    steps: [
      ...THREE,
      dirs([{ topic: '', partitions: [0] }]),
      dirs([{ topic: 'not a name', partitions: [0] }]),
      dirs([{ topic: '@a', partitions: [-1, 0] }]),
      dirs([0, 1].map((partition) => ({ topic: '@a', partitions: [partition] }))),
    ],
  }),
  scenario(DescribeLogDirs, 'sizes are those of the batches as they are kept', {
    covers: ['13.23', '7.2'],
    topics: { a: { configs: { 'message.timestamp.type': 'LogAppendTime' } } },
    steps: [
      write(batch({ records: ['x'.repeat(1000)], codec: 'lz4' })),
      dirs([{ topic: '@a', partitions: [0] }]),
      write(batch({ records: [{ key: 'k', value: 'v', headers: [{ key: 'h', value: null }] }] })),
      dirs([{ topic: '@a', partitions: [0] }]),
      before(1),
      dirs([{ topic: '@a', partitions: [0] }]),
    ],
  }),
]
