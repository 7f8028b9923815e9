/** Fetch (1) without sessions: offsets, epochs, isolation, sizes, waiting. Sessions are 01-fetch-sessions.ts. */
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import type { RequestInputOf } from '@ottla/protocol/codec.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { batch, TIME_MS } from '../batches.ts'
import { read, write } from '../requests-of-clients.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'
import { SESSIONS } from './01-fetch-sessions.ts'

type Request = RequestInputOf<typeof Fetch>
type Partition = Request['topics'][number]['partitions'][number]

const a = { a: {} }
const THREE = [
  write(batch({ records: ['one', 'two'] })),
  write(batch({ records: ['three'] })),
  write(batch({ records: ['four', 'five', 'six'] })),
]

const from = (partition: Partial<Partition>, request: Partial<Request> = {}): AskStep =>
  ask(Fetch, {
    ...{ maxWaitMs: 0, minBytes: 1 },
    topics: [
      {
        ...{ topic: '@a', topicId: '@a' },
        partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000, ...partition }],
      },
    ],
    ...request,
  })

/** Several partitions of `@a` from their beginning. */
const several = (indexes: readonly number[], text: Partial<Request> & { bytes?: number } = {}): AskStep => {
  const { bytes = 1_000_000, ...request } = text
  const partitions = indexes.map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes: bytes }))
  return ask(Fetch, {
    ...{ maxWaitMs: 0, minBytes: 1, topics: [{ topic: '@a', topicId: '@a', partitions }], ...request },
  })
}

export const FETCH: readonly Scenario[] = [
  scenario(Fetch, 'whole batches, from the one that holds the offset', {
    covers: ['5.1', '5.10', '5.14'],
    topics: a,
    steps: [...THREE, ...[0, 1, 2, 3, 4, 5, 6].map((fetchOffset) => from({ fetchOffset }))],
  }),
  scenario(Fetch, 'an empty partition', {
    covers: ['5.9', '5.14'],
    topics: a,
    steps: [from({}), from({ fetchOffset: 1 })],
  }),
  scenario(Fetch, 'offsets outside the log', {
    covers: ['5.9'],
    topics: a,
    steps: [...THREE, ...[7, -1, -2, 1_000_000].map((fetchOffset) => from({ fetchOffset }))],
  }),
  scenario(Fetch, 'offsets below the log start', {
    covers: ['5.9', '5.14', '7.2'],
    topics: a,
    steps: [
      ...THREE,
      ask(DeleteRecords, {
        topics: [{ name: '@a', partitions: [{ partitionIndex: 0, offset: 3 }] }],
        timeoutMs: 5000,
      }),
      ...[0, 2, 3, 4, 6, 7].map((fetchOffset) => from({ fetchOffset })),
    ],
  }),
  scenario(Fetch, 'unknown topics and partitions', {
    covers: ['5.7'],
    topics: { a: { partitions: 2 } },
    steps: [
      read({ topic: '@missing' }),
      from({ partition: 2 }),
      from({ partition: -1 }),
      read({ topic: 'not a name' }),
      read({ topic: '' }),
      ask(Fetch, {
        ...{ maxWaitMs: 0, minBytes: 1 },
        topics: [
          {
            ...{ topic: '@missing', topicId: ZERO_UUID },
            partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100 }],
          },
        ],
      }),
    ],
  }),
  scenario(Fetch, 'an error of one partition does not keep another from being read', {
    covers: ['5.7', '5.12'],
    topics: { a: { partitions: 2 } },
    steps: [write(batch()), several([0, 5, 1]), several([5], { maxWaitMs: 60_000 })],
  }),
  scenario(Fetch, 'a partition that is not there does not end the wait for others', {
    covers: ['5.12'],
    versions: [18, 18],
    topics: a,
    steps: [write(batch()), several([0, 5], { maxWaitMs: 60_000, minBytes: 1_000_000 })],
  }),
  scenario(Fetch, 'leader epochs older and newer than the broker’s', {
    covers: ['5.7'],
    topics: a,
    steps: [...THREE, ...[-1, 0, 1, 100, -2].map((currentLeaderEpoch) => from({ currentLeaderEpoch }))],
  }),
  scenario(Fetch, 'the epoch of the record before the offset', {
    covers: ['5.8'],
    versions: [12, 18],
    topics: a,
    steps: [
      ...THREE,
      from({ lastFetchedEpoch: 0, fetchOffset: 6 }),
      from({ lastFetchedEpoch: 0, fetchOffset: 2 }),
      from({ lastFetchedEpoch: 1, fetchOffset: 2 }),
      from({ lastFetchedEpoch: 1, fetchOffset: 6 }),
      from({ lastFetchedEpoch: 0, fetchOffset: 7 }),
      from({ lastFetchedEpoch: -2, fetchOffset: 0 }),
    ],
  }),
  scenario(Fetch, 'the epoch of the record before the offset, in an empty log', {
    covers: ['5.8'],
    versions: [12, 18],
    topics: a,
    steps: [
      from({ lastFetchedEpoch: 0 }),
      from({ lastFetchedEpoch: 1 }),
      from({ lastFetchedEpoch: 0, fetchOffset: 1 }),
    ],
  }),
  scenario(Fetch, 'isolation levels', {
    covers: ['5.10', '5.13'],
    topics: a,
    steps: [...THREE, ...[0, 1, 2, -1].map((isolationLevel) => from({}, { isolationLevel }))],
  }),
  scenario(Fetch, 'a replica that is none', {
    covers: ['5.1'],
    topics: a,
    steps: [
      ...THREE,
      ...[1, 5, -2, -3].map((replicaId) =>
        ask(Fetch, ({ version }) => ({
          ...{ maxWaitMs: 0, minBytes: 1 },
          ...(version < 15 ? { replicaId } : { replicaState: { replicaId, replicaEpoch: -1 } }),
          topics: [
            {
              ...{ topic: '@a', topicId: '@a' },
              partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }],
            },
          ],
        })),
      ),
    ],
  }),
  scenario(Fetch, 'the first batch comes whole, however small the limits', {
    covers: ['5.11'],
    topics: { a: { partitions: 3 } },
    steps: [
      ...[0, 1, 2].flatMap((index) => [
        write(batch({ records: ['x'.repeat(100)] }), { index }),
        write(batch({ records: ['y'.repeat(100)] }), { index }),
      ]),
      several([0, 1, 2], { bytes: 1 }),
      several([2, 1, 0], { bytes: 10 }),
      several([0, 1, 2], { maxBytes: 1 }),
      several([0, 1, 2], { maxBytes: 200 }),
      several([0, 1, 2], { maxBytes: 400 }),
      several([1, 0, 2], { maxBytes: 600, bytes: 400 }),
      several([0, 1, 2], { bytes: 0 }),
      several([0, 1, 2], { maxBytes: 0 }),
      several([0, 1, 2], { maxBytes: -1 }),
      several([0, 1, 2], { bytes: -1 }),
    ],
  }),
  scenario(Fetch, 'a broker’s own limit', {
    covers: ['5.11'],
    profile: 'strict',
    topics: { a: { partitions: 2, configs: { 'compression.type': 'producer' } } },
    steps: [
      ...[0, 1].flatMap((index) => [
        ...Array.from({ length: 4 }, () => write(batch({ records: ['x'.repeat(400)] }), { index })),
      ]),
      several([0, 1]),
      several([0, 1], { maxBytes: 100 }),
    ],
  }),
  scenario(Fetch, 'answered at once', {
    covers: ['5.12'],
    topics: { a: { partitions: 2 } },
    steps: [
      write(batch()),
      from({}, { maxWaitMs: 60_000, minBytes: 1 }),
      from({ fetchOffset: 1 }, { maxWaitMs: 0, minBytes: 100 }),
      from({ fetchOffset: 1 }, { maxWaitMs: -1, minBytes: 100 }),
      from({ fetchOffset: 1 }, { maxWaitMs: 60_000, minBytes: 0 }),
      from({ fetchOffset: 1 }, { maxWaitMs: 60_000, minBytes: -1 }),
      from({ fetchOffset: 9 }, { maxWaitMs: 60_000, minBytes: 100 }),
      from({}, { maxWaitMs: 60_000, minBytes: 1_000_000, maxBytes: 1 }),
      ask(Fetch, { maxWaitMs: 60_000, minBytes: 1, topics: [] }),
      ask(Fetch, { maxWaitMs: 60_000, minBytes: 1, topics: [{ topic: '@a', topicId: '@a', partitions: [] }] }),
    ],
  }),
  scenario(Fetch, 'waits no longer than it was told', {
    covers: ['5.12'],
    versions: [16, 18],
    topics: a,
    steps: [
      write(batch()),
      from({}, { maxWaitMs: 50, minBytes: 1_000_000 }),
      from({ fetchOffset: 1 }, { maxWaitMs: 50 }),
    ],
  }),
  scenario(Fetch, 'compressed batches of every codec', {
    covers: ['5.10'],
    topics: a,
    steps: [
      ...(['gzip', 'snappy', 'lz4', 'zstd'] as const).map((codec) => write(batch({ records: ['one', 'two'], codec }))),
      from({}),
    ],
  }),
  scenario(Fetch, 'records as they were sent', {
    covers: ['5.10'],
    topics: a,
    steps: [
      write(
        batch({
          records: [
            {
              key: 'k',
              value: null,
              headers: [
                { key: 'h', value: 'v' },
                { key: 'h', value: null },
                { key: '', value: '' },
              ],
            },
            { key: '', value: '', timestampMs: TIME_MS - 10_000 },
            { key: 'k', value: 'v'.repeat(300), timestampMs: TIME_MS + 10_000 },
          ],
        }),
      ),
      from({}),
    ],
  }),
  scenario(Fetch, 'a cluster id is not looked at', {
    covers: ['5.1'],
    versions: [12, 18],
    topics: a,
    steps: [write(batch()), from({}, { clusterId: 'another' }), from({}, { rackId: 'rack' })],
  }),
  scenario(Fetch, 'a topic or partition twice in one request', {
    covers: ['5.1'],
    topics: a,
    steps: [write(batch()), several([0, 0])],
  }),
  ...SESSIONS,
]
