/**
 * The log as clients see it (section 16 of semantics.md): when segments are rolled, by what DeleteRecords frees; when
 * producers are forgotten; what is committed; and that a leader's epoch stays while the leader does.
 */
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import { OffsetForLeaderEpoch } from '@ottla/protocol/apis/23-offset-for-leader-epoch.ts'
import { DescribeLogDirs } from '@ottla/protocol/apis/35-describe-log-dirs.ts'
import { CreatePartitions } from '@ottla/protocol/apis/37-create-partitions.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { batch, TIME_MS } from '../batches.ts'
import { offsetAt, read, write } from '../requests-of-clients.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'

type Sizes = { results: { topics: { partitions: { partitionSize: number }[] }[] }[] }

const LARGE = 600_000
const LARGE_SEGMENTS = { 'segment.bytes': '1048576', 'max.message.bytes': '2000000' }

const large = (text = {}): AskStep => write(batch({ records: ['x'.repeat(LARGE)] }), text)
const at = (ms: number, text = {}): AskStep =>
  write(batch({ records: [{ value: 'v', timestampMs: TIME_MS + ms }] }), text)

const before = (offset: number, index = 0): AskStep =>
  ask(DeleteRecords, { topics: [{ name: '@a', partitions: [{ partitionIndex: index, offset }] }], timeoutMs: 5000 })

const sizes = (indexes: readonly number[] = [0]): AskStep =>
  ask(DescribeLogDirs, { topics: [{ topic: '@a', partitions: [...indexes] }] })

/** Asked until partition 0 is no larger than that: segments go a moment after DeleteRecords was answered. */
const sizesBelow = (bytes: number, indexes: readonly number[] = [0]): AskStep => ({
  ...sizes(indexes),
  options: {
    until: ({ results }: Sizes) =>
      results[0]!.topics[0]!.partitions.some(({ partitionSize }) => partitionSize > 0 && partitionSize <= bytes),
  },
})

const ends = (text: { partition?: number; leaderEpoch?: number } = {}): AskStep =>
  ask(OffsetForLeaderEpoch, {
    replicaId: -1,
    topics: [{ topic: '@a', partitions: [{ partition: 0, leaderEpoch: 0, currentLeaderEpoch: 0, ...text }] }],
  })

const leaders = ask(Metadata, { topics: [{ name: '@a', topicId: ZERO_UUID }], allowAutoTopicCreation: false })

export const LOG: readonly Scenario[] = [
  scenario(DescribeLogDirs, 'a segment ends at segment.bytes', {
    covers: ['16.1', '7.2'],
    profile: 'impatient',
    topics: { a: { configs: LARGE_SEGMENTS } },
    steps: [large(), large(), sizes(), before(1), sizesBelow(LARGE * 1.5), read({ offset: 1 }), offsetAt(-2)],
  }),
  scenario(DescribeLogDirs, 'a segment ends where its first batch is segment.ms older', {
    covers: ['16.1', '7.2'],
    profile: 'impatient',
    topics: { a: { partitions: 2, configs: { 'segment.ms': '1000' } } },
    steps: [
      ...[0, 1].flatMap((index) => [0, 1000, 500, 1001, 2002, 2001].map((ms) => at(ms, { index }))),
      sizes([0, 1]),
      before(2, 1),
      before(3),
      sizesBelow(300),
      sizes([0, 1]),
      before(4),
      sizesBelow(150),
      sizes([0, 1]),
    ],
  }),
  scenario(DescribeLogDirs, 'a segment ends when its index is full', {
    covers: ['16.1'],
    profile: 'impatient',
    topics: { a: { configs: { 'segment.index.bytes': '36', 'index.interval.bytes': '0' } } },
    steps: [...[0, 1, 2, 3, 4, 5].map((ms) => at(ms)), sizes(), before(5), sizesBelow(400), sizes()],
  }),
  scenario(DescribeLogDirs, 'what lies in the newest segment stays', {
    covers: ['16.1', '7.2'],
    profile: 'impatient',
    topics: { a: { partitions: 2, configs: LARGE_SEGMENTS } },
    steps: [
      ...[0, 1, 2].map((ms) => at(ms, { index: 1 })),
      large(),
      large(),
      before(3, 1),
      before(1),
      sizesBelow(LARGE * 1.5),
      sizes([0, 1]),
    ],
  }),
  scenario(OffsetForLeaderEpoch, 'an epoch lasts as long as its leader', {
    covers: ['16.6', '6.7'],
    topics: { a: {} },
    steps: [
      leaders,
      at(0),
      ends(),
      before(1),
      ends(),
      ask(CreatePartitions, {
        topics: [{ name: '@a', count: 2, assignments: null }],
        timeoutMs: 5000,
        validateOnly: false,
      }),
      leaders,
      ends({ partition: 1 }),
      at(1),
      ends(),
      ends({ leaderEpoch: 3 }),
      read({ offset: 1 }),
    ],
  }),
  scenario(ListOffsets, 'what the only replica has is committed', {
    covers: ['16.5', '4.26'],
    topics: { a: { configs: { 'min.insync.replicas': '2' } } },
    steps: [-1, 1].flatMap((acks) => [
      write(batch(), { acks }),
      offsetAt(-1),
      offsetAt(-1, { isolationLevel: 1 }),
      read(),
    ]),
  }),
  scenario(Produce, 'a producer is forgotten', {
    covers: ['4.24', '4.21'],
    profile: 'impatient',
    versions: [12, 12],
    // Kafka reckons from the newest timestamp of a batch, so that has to be the broker's own.
    topics: { a: { configs: { 'message.timestamp.type': 'LogAppendTime' } } },
    steps: [numbered(0), untilTaken(numbered(7)), numbered(8), untilTaken(numbered(3)), numbered(3), read()],
  }),
  scenario(Fetch, 'the nearest replica is the only one', {
    covers: ['5.15'],
    profile: 'impatient',
    topics: { a: {} },
    steps: [
      at(0),
      ...['', 'rack-1', 'rack-2'].map((rackId) =>
        ask(Fetch, {
          ...{ maxWaitMs: 0, minBytes: 1, rackId },
          topics: [
            {
              ...{ topic: '@a', topicId: '@a' },
              partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }],
            },
          ],
        }),
      ),
    ],
  }),
]

function numbered(baseSequence: number): AskStep {
  return write(batch({ producerId: 5000, producerEpoch: 0, baseSequence, records: [`s${baseSequence}`] }))
}

function untilTaken(step: AskStep): AskStep {
  const until = (reply: { responses: { partitionResponses: { errorCode: number }[] }[] }) =>
    reply.responses[0]!.partitionResponses[0]!.errorCode === 0
  return { ...step, options: { until } }
}
