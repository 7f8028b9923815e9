/** Fetch (1): sessions (KIP-227). What a session answers depends on what it answered before. */
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import type { RequestInputOf, VersionRange } from '@ottla/protocol/codec.ts'
import { batch } from '../batches.ts'
import { write } from '../requests-of-clients.ts'
import { type AskStep, type At, ask, type Scenario, scenario } from '../scenario.ts'

type Request = RequestInputOf<typeof Fetch>

const SESSIONS_FROM: VersionRange = [7, 18]
const a = { a: { partitions: 3 } }

interface SessionText {
  /** Of the sessions that the broker gave, in order; or an id. */
  readonly session?: number | ((at: At) => number)
  readonly epoch: number
  /** Partitions of `@a` with their offsets. */
  readonly want?: readonly (readonly [partition: number, offset: number])[]
  readonly forget?: readonly number[]
  readonly topic?: string
  readonly maxWaitMs?: number
}

const given =
  (index: number) =>
  ({ session }: At): number =>
    session(index)

function fetch({ session = 0, epoch, want = [], forget = [], topic = '@a', maxWaitMs = 0 }: SessionText): AskStep {
  const partitions = want.map(([partition, fetchOffset]) => ({ partition, fetchOffset, partitionMaxBytes: 1000 }))
  return ask(
    Fetch,
    (at): Request => ({
      ...{ maxWaitMs, minBytes: 1, sessionEpoch: epoch },
      sessionId: typeof session === 'function' ? session(at) : session,
      topics: partitions.length === 0 ? [] : [{ topic, topicId: topic, partitions }],
      forgottenTopicsData: forget.length === 0 ? [] : [{ topic, topicId: topic, partitions: [...forget] }],
    }),
  )
}

const START = {
  epoch: 0,
  want: [
    [0, 0],
    [1, 0],
  ],
} as const

export const SESSIONS: readonly Scenario[] = [
  scenario(Fetch, 'a session tells only what changed', {
    covers: ['5.2', '5.4', '5.5'],
    versions: SESSIONS_FROM,
    topics: a,
    steps: [
      fetch(START),
      fetch({ session: given(0), epoch: 1 }),
      write(batch()),
      fetch({ session: given(0), epoch: 2 }),
      fetch({ session: given(0), epoch: 3, want: [[0, 1]] }),
      write(batch(), { index: 1 }),
      write(batch()),
      fetch({ session: given(0), epoch: 4 }),
      fetch({
        session: given(0),
        epoch: 5,
        want: [
          [0, 2],
          [1, 1],
        ],
      }),
      fetch({ session: given(0), epoch: 6 }),
    ],
  }),
  scenario(Fetch, 'epochs and ids of sessions that are wrong', {
    covers: ['5.3', '5.6'],
    versions: SESSIONS_FROM,
    topics: a,
    steps: [
      fetch(START),
      fetch({ session: given(0), epoch: 2 }),
      fetch({ session: given(0), epoch: 1 }),
      fetch({ session: given(0), epoch: 1 }),
      fetch({ session: given(0), epoch: 5, want: [[2, 0]] }),
      fetch({ session: 424242, epoch: 1 }),
      fetch({ session: 0, epoch: 1 }),
      fetch({ session: -7, epoch: 3 }),
      fetch({ session: given(0), epoch: -5 }),
      fetch({ session: given(0), epoch: 2 }),
    ],
  }),
  scenario(Fetch, 'a session is closed by its last epoch', {
    covers: ['5.2'],
    versions: SESSIONS_FROM,
    topics: a,
    steps: [
      write(batch()),
      fetch(START),
      fetch({ session: given(0), epoch: -1, want: [[0, 0]] }),
      fetch({ session: given(0), epoch: 1 }),
      fetch({ session: 424242, epoch: -1, want: [[0, 0]] }),
      fetch({ session: 424242, epoch: -1 }),
    ],
  }),
  scenario(Fetch, 'a session is replaced by a new one', {
    covers: ['5.2', '5.4'],
    versions: SESSIONS_FROM,
    topics: a,
    steps: [
      write(batch()),
      fetch(START),
      fetch({ ...START, session: given(0) }),
      fetch({ session: given(0), epoch: 1 }),
      fetch({ session: given(1), epoch: 1 }),
    ],
  }),
  scenario(Fetch, 'without a session', {
    covers: ['5.2', '5.4'],
    versions: SESSIONS_FROM,
    topics: a,
    steps: [write(batch()), fetch({ ...START, epoch: -1 }), fetch({ epoch: -1 }), fetch({ epoch: 0 })],
  }),
  scenario(Fetch, 'partitions are forgotten and come anew', {
    covers: ['5.2', '5.5'],
    versions: SESSIONS_FROM,
    topics: a,
    steps: [
      fetch(START),
      ...[0, 1, 2].map((index) => write(batch(), { index })),
      fetch({ session: given(0), epoch: 1, forget: [0], want: [[2, 0]] }),
      fetch({ session: given(0), epoch: 2, forget: [7], want: [[0, 0]] }),
      fetch({ session: given(0), epoch: 3, forget: [1], want: [[1, 0]] }),
      fetch({ session: given(0), epoch: 4, forget: [0, 1, 2] }),
      fetch({ session: given(0), epoch: 5 }),
    ],
  }),
  scenario(Fetch, 'errors are told in every reply of a session', {
    covers: ['5.5', '5.7'],
    versions: SESSIONS_FROM,
    topics: a,
    steps: [
      fetch({
        epoch: 0,
        want: [
          [0, 0],
          [9, 0],
          [1, 55],
        ],
      }),
      fetch({ session: given(0), epoch: 1 }),
      fetch({ session: given(0), epoch: 2, want: [[1, 0]], forget: [9] }),
      fetch({ session: given(0), epoch: 3 }),
    ],
  }),
  scenario(Fetch, 'a session with a topic that is missing', {
    covers: ['5.5', '5.7'],
    versions: SESSIONS_FROM,
    topics: a,
    steps: [
      fetch({ epoch: 0, want: [[0, 0]], topic: '@missing' }),
      fetch({ session: given(0), epoch: 1 }),
      fetch({ session: given(0), epoch: 2, want: [[0, 0]] }),
    ],
  }),
  scenario(Fetch, 'partitions with data go to the end of their session’s order', {
    covers: ['5.5'],
    versions: SESSIONS_FROM,
    topics: a,
    steps: [
      ...[0, 1, 2].map((index) => write(batch(), { index })),
      fetch({
        epoch: 0,
        want: [
          [0, 1],
          [1, 0],
          [2, 1],
        ],
      }),
      ...[0, 1, 2].map((index) => write(batch(), { index })),
      fetch({ session: given(0), epoch: 1 }),
      fetch({ session: given(0), epoch: 2 }),
    ],
  }),
  scenario(Fetch, 'a session switches between names and ids', {
    covers: ['5.3'],
    versions: [13, 18],
    topics: a,
    steps: [
      fetch(START),
      {
        ...ask(
          Fetch,
          ({ session }) => ({ maxWaitMs: 0, minBytes: 1, sessionId: session(0), sessionEpoch: 1, topics: [] }),
          {
            version: 12,
          },
        ),
      },
      fetch({ session: given(0), epoch: 2 }),
      fetch({ session: given(0), epoch: 1 }),
    ],
  }),
  scenario(Fetch, 'a cache that holds no sessions', {
    covers: ['5.4'],
    versions: SESSIONS_FROM,
    profile: 'strict',
    topics: a,
    steps: [
      fetch(START),
      fetch(START),
      fetch({
        epoch: 0,
        want: [
          [0, 0],
          [1, 0],
          [2, 0],
        ],
      }),
      fetch({ session: given(0), epoch: -1 }),
    ],
  }),
]
