/** ListOffsets (2) and OffsetForLeaderEpoch (23): where a time, an end or an epoch lies in a log. */
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { DeleteRecords } from '@ottla/protocol/apis/21-delete-records.ts'
import { OffsetForLeaderEpoch } from '@ottla/protocol/apis/23-offset-for-leader-epoch.ts'
import type { RequestInputOf } from '@ottla/protocol/codec.ts'
import { batch, TIME_MS } from '../batches.ts'
import { offsetAt, write } from '../requests-of-clients.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'

const a = { a: {} }
const SPECIAL = [-1, -2, -3, -4, -5, -6, -7, -100]

const at = (milliseconds: number) => ({ value: `t${milliseconds}`, timestampMs: TIME_MS + milliseconds })

/** Times that go back and forth, inside batches and between them. */
const WRITTEN = [
  write(batch({ records: [at(0), at(20), at(10)] })),
  write(batch({ records: [at(5)] })),
  write(batch({ records: [at(30), at(20), at(30)], codec: 'gzip' })),
]

type Partition = RequestInputOf<typeof ListOffsets>['topics'][number]['partitions'][number]

const list = (partitions: readonly Partition[], text: { topic?: string; replicaId?: number } = {}): AskStep =>
  ask(ListOffsets, { replicaId: text.replicaId ?? -1, topics: [{ name: text.topic ?? '@a', partitions }] })

export const LIST_OFFSETS: readonly Scenario[] = [
  scenario(ListOffsets, 'the first record at or after a time', {
    covers: ['6.4'],
    topics: a,
    steps: [...WRITTEN, ...[-1, 0, 1, 6, 11, 20, 21, 30, 31].map((ms) => offsetAt(TIME_MS + ms)), offsetAt(0)],
  }),
  scenario(ListOffsets, 'special timestamps', {
    covers: ['6.1', '6.3', '6.4'],
    topics: a,
    steps: [...WRITTEN, ...SPECIAL.map((t) => offsetAt(t))],
  }),
  scenario(ListOffsets, 'special timestamps of an empty log', {
    covers: ['6.1', '6.4'],
    topics: a,
    steps: SPECIAL.map((t) => offsetAt(t)),
  }),
  scenario(ListOffsets, 'a log whose beginning was deleted', {
    covers: ['6.1', '6.4', '7.2'],
    topics: a,
    steps: [
      ...WRITTEN,
      ask(DeleteRecords, { topics: [{ name: '@a', partitions: [{ partitionIndex: 0, offset: 4 }] }], timeoutMs: 5000 }),
      ...[...SPECIAL, 0, TIME_MS, TIME_MS + 20, TIME_MS + 21].map((t) => offsetAt(t)),
      ask(DeleteRecords, {
        topics: [{ name: '@a', partitions: [{ partitionIndex: 0, offset: -1 }] }],
        timeoutMs: 5000,
      }),
      ...[...SPECIAL, 0, TIME_MS, TIME_MS + 20].map((t) => offsetAt(t)),
    ],
  }),
  scenario(ListOffsets, 'isolation levels', {
    covers: ['6.3'],
    topics: a,
    steps: [
      ...WRITTEN,
      ...[0, 1, 2].flatMap((isolationLevel) => [-1, -2, TIME_MS].map((t) => offsetAt(t, { isolationLevel }))),
    ],
  }),
  scenario(ListOffsets, 'replicas that ask', {
    covers: ['6.3', '6.6'],
    topics: a,
    steps: [
      ...WRITTEN,
      ...[1, 7, -2, -3].map((replicaId) => list([{ partitionIndex: 0, timestamp: -1 }], { replicaId })),
    ],
  }),
  scenario(ListOffsets, 'a partition twice in one request', {
    covers: ['6.2'],
    topics: { a: { partitions: 2 } },
    steps: [
      ...WRITTEN,
      list([
        { partitionIndex: 0, timestamp: -1 },
        { partitionIndex: 1, timestamp: -1 },
        { partitionIndex: 0, timestamp: -2 },
      ]),
      ask(ListOffsets, {
        replicaId: -1,
        topics: [-1, -2].map((timestamp) => ({ name: '@a', partitions: [{ partitionIndex: 0, timestamp }] })),
      }),
    ],
  }),
  scenario(ListOffsets, 'unknown topics and partitions', {
    covers: ['6.6'],
    topics: a,
    steps: [
      offsetAt(-1, { topic: '@missing' }),
      offsetAt(-100, { topic: '@missing' }),
      offsetAt(-1, { topic: 'not a name' }),
      ...[1, -1].map((partitionIndex) => list([{ partitionIndex, timestamp: -1 }])),
      ask(ListOffsets, { replicaId: -1, topics: [] }),
      list([]),
    ],
  }),
  scenario(ListOffsets, 'leader epochs older and newer than the broker’s', {
    covers: ['6.6'],
    topics: a,
    steps: [
      ...WRITTEN,
      ...[-1, 0, 1, 50, -2].flatMap((currentLeaderEpoch) =>
        [-1, TIME_MS].map((timestamp) => list([{ partitionIndex: 0, timestamp, currentLeaderEpoch }])),
      ),
    ],
  }),
  scenario(ListOffsets, 'LogAppendTime', {
    covers: ['6.4'],
    topics: { a: { configs: { 'message.timestamp.type': 'LogAppendTime' } } },
    steps: [write(batch({ records: ['one', 'two'] })), offsetAt(-1), offsetAt(-2), offsetAt(4_102_444_800_000)],
  }),
]

const epochs = (
  partitions: readonly { partition: number; leaderEpoch: number; currentLeaderEpoch?: number }[],
  text: { topic?: string; replicaId?: number } = {},
): AskStep =>
  ask(OffsetForLeaderEpoch, { replicaId: text.replicaId ?? -1, topics: [{ topic: text.topic ?? '@a', partitions }] })

export const OFFSET_FOR_LEADER_EPOCH: readonly Scenario[] = [
  scenario(OffsetForLeaderEpoch, 'epochs that are known and that are not', {
    covers: ['6.7'],
    topics: a,
    steps: [...WRITTEN, ...[0, 1, 5, -1, -2].map((leaderEpoch) => epochs([{ partition: 0, leaderEpoch }]))],
  }),
  scenario(OffsetForLeaderEpoch, 'an empty log', {
    covers: ['6.7'],
    topics: a,
    steps: [0, 1, -1].map((leaderEpoch) => epochs([{ partition: 0, leaderEpoch }])),
  }),
  scenario(OffsetForLeaderEpoch, 'leader epochs older and newer than the broker’s', {
    covers: ['6.7'],
    topics: a,
    steps: [-1, 0, 1, -2].map((currentLeaderEpoch) => epochs([{ partition: 0, leaderEpoch: 0, currentLeaderEpoch }])),
  }),
  scenario(OffsetForLeaderEpoch, 'unknown topics and partitions', {
    covers: ['6.7'],
    topics: a,
    steps: [
      epochs([{ partition: 0, leaderEpoch: 0 }], { topic: '@missing' }),
      epochs([
        { partition: 3, leaderEpoch: 0 },
        { partition: 0, leaderEpoch: 0 },
      ]),
      epochs([
        { partition: 0, leaderEpoch: 0 },
        { partition: 0, leaderEpoch: 0 },
      ]),
      ask(OffsetForLeaderEpoch, { replicaId: -1, topics: [] }),
      ...[-2, 1, 5].map((replicaId) => epochs([{ partition: 0, leaderEpoch: 0 }], { replicaId })),
    ],
  }),
  scenario(OffsetForLeaderEpoch, 'a log whose beginning was deleted', {
    covers: ['6.7', '7.2'],
    topics: { a: {} },
    steps: [
      ...WRITTEN,
      ...[4, -1].flatMap((offset) => [
        ask(DeleteRecords, { topics: [{ name: '@a', partitions: [{ partitionIndex: 0, offset }] }], timeoutMs: 5000 }),
        ...[0, 1, -1].map((leaderEpoch) => epochs([{ partition: 0, leaderEpoch }])),
      ]),
    ],
  }),
  scenario(OffsetForLeaderEpoch, 'several topics at once, each with its own answer', {
    covers: ['6.7'],
    topics: { a: { partitions: 2 }, b: {} },
    steps: [
      ...WRITTEN,
      ask(OffsetForLeaderEpoch, {
        replicaId: -1,
        topics: ['@b', '@missing', '@a'].map((topic) => ({
          topic,
          partitions: [
            { partition: 1, leaderEpoch: 0 },
            { partition: 0, leaderEpoch: 0, currentLeaderEpoch: 0 },
            { partition: 0, leaderEpoch: 0, currentLeaderEpoch: 8 },
          ].slice(0, topic === '@a' ? 2 : 3),
        })),
      }),
    ],
  }),
]
