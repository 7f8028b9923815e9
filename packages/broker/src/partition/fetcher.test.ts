import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deferred } from '@ottla/base/deferred.ts'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { MemoryNetwork } from '@ottla/base/memory-network.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { FakeBroker } from '@ottla/client/fake-broker.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import { ReplicaFetcher } from './fetcher.ts'
import type { FollowedPartition, LeaderMarks } from './followed-partition.ts'
import { ReplicationQuota } from './replication-quota.ts'
import type { ThrottleRules } from './throttled-replicas.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABQ'
const LEADER = 2
const PORT = 9092
const BACKOFF_MS = 1000
const WAIT_MS = 500
const BYTES = Buffer.alloc(10, 1)

type FetchRequest = RequestOf<typeof Fetch>
type Row = Partial<ResponseInputOf<typeof Fetch>['responses'][number]['partitions'][number]>

/** A log as the fetcher sees it: each ten bytes that it is given are one offset. `done` is what was asked of it. */
class FollowedLog implements FollowedPartition {
  readonly topicId = TOPIC_ID
  readonly topicName = 't'
  readonly index: number
  readonly image = { isr: [LEADER], leader: LEADER }
  rules: { throttle: ThrottleRules } = { throttle: { leader: null, follower: null } }
  leaderEpoch = 3
  highWatermark = 0
  isSettled = true
  end = 5
  readonly done: string[] = []
  /** What the next append or truncation waits for. */
  gate: Promise<void> = Promise.resolve()

  constructor(index = 0) {
    this.index = index
  }

  get fetchPosition() {
    return { fetchOffset: this.end, lastFetchedEpoch: this.leaderEpoch, logStartOffset: 0 }
  }

  async settled(): Promise<void> {
    this.done.push('settled')
    await this.gate
    this.isSettled = true
  }

  async appendFetched(records: readonly Buffer[], leader: LeaderMarks): Promise<void> {
    const count = records.reduce((sum, { length }) => sum + length, 0) / BYTES.length
    this.done.push(`append ${count} at ${this.end}`)
    await this.gate
    this.end += count
    this.observeLeader(leader)
  }

  observeLeader({ highWatermark }: LeaderMarks): void {
    this.highWatermark = Math.min(highWatermark, this.end)
  }

  async truncateToShared({ epoch, endOffset }: { epoch: number; endOffset: number }): Promise<void> {
    this.done.push(`cut to ${endOffset} of epoch ${epoch}`)
    await this.gate
    this.end = endOffset
  }

  async resetTo({ startOffset, endOffset }: { startOffset: number; endOffset: number }): Promise<void> {
    this.done.push(`reset to ${startOffset}…${endOffset}`)
    this.end = startOffset
  }
}

/** A leader that answers as the test says, else holds each fetch for as long as it may; what it was asked, in words. */
async function world() {
  const time = new FakeTime()
  const network = new MemoryNetwork({ timers: time })
  const leader = await FakeBroker.start(network.join('leader'), PORT)
  const requests: FetchRequest[] = []
  const state = {
    session: 7,
    address: { host: 'leader', port: PORT } as { host: string; port: number } | undefined,
    answers: [] as ((request: FetchRequest) => ResponseInputOf<typeof Fetch> | 'hang-up')[],
    refused: [] as number[],
    isBytesMaxGiven: false,
  }
  leader.on(Fetch, async (request) => {
    requests.push(request)
    const answer = state.answers.shift()
    if (answer !== undefined) return answer(request)
    await time.sleep(request.maxWaitMs)
    return { sessionId: state.session, responses: [] }
  })
  leader.on(ListOffsets, ({ replicaId, topics }) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, timestamp, currentLeaderEpoch }) => {
        assert.deepEqual([replicaId, currentLeaderEpoch], [1, 3], 'as a replica, in the epoch that it follows')
        return { partitionIndex, errorCode: 0, offset: timestamp === -2 ? 40 : 90 }
      }),
    })),
  }))
  const logger = new MemoryLogger()
  const quota = new ReplicationQuota()
  const fetcher = new ReplicaFetcher({
    ...{ localBrokerId: 1, localBrokerEpoch: () => 11, leaderId: LEADER, address: () => state.address },
    settings: () => ({
      ...{ waitMaxMs: WAIT_MS, minBytes: 1, partitionBytesMax: 1000, responseBytesMax: 10_000 },
      isPartitionBytesMaxGiven: state.isBytesMaxGiven,
      ...{ backoffMs: BACKOFF_MS, socketTimeoutMs: 30_000 },
    }),
    onRefused: (id) => void state.refused.push(id),
    ...{ quota, network: network.join('follower'), clock: time, timers: time, random: seededRandom(1), logger },
  })
  const asked = () =>
    requests.map(({ sessionId, sessionEpoch, topics, forgottenTopicsData }) => {
      const rows = topics.flatMap(({ partitions }) => partitions)
      const forgotten = forgottenTopicsData.flatMap(({ partitions }) => partitions.map((index) => `-${index}`))
      const named = rows.map(({ partition, fetchOffset }) => `${partition}@${fetchOffset}`)
      return `${sessionId}/${sessionEpoch}: ${[...named, ...forgotten].join(' ')}`.trim()
    })
  const answer = (...rows: Row[]) =>
    state.answers.push(() => ({ sessionId: state.session, responses: [responseOf(rows)] }))
  return {
    ...{ time, network, leader, requests, state, fetcher, quota, logger, asked, answer },
    async [Symbol.asyncDispose]() {
      const disposed = fetcher[Symbol.asyncDispose]()
      await time.run(1)
      await disposed
    },
  }
}

function responseOf(rows: readonly Row[]) {
  const partitions = rows.map((row) => {
    const base = { partitionIndex: 0, errorCode: 0, highWatermark: 0, logStartOffset: 0, abortedTransactions: null }
    return { ...base, records: null, ...row }
  })
  return { topic: '', topicId: TOPIC_ID, partitions }
}

function refusal(error: ErrorName): Row {
  return { errorCode: errorCode(error), highWatermark: -1 }
}

test('what comes is appended, and the next fetch claims it; a session names only what has changed', async () => {
  await using w = await world()
  const log = new FollowedLog()
  w.answer({ records: BYTES, highWatermark: 6 })
  w.fetcher.add(log)
  await w.time.settle()
  assert.deepEqual(w.asked(), ['0/0: 0@5', '7/1: 0@6'])
  assert.deepEqual([log.done, log.end, log.highWatermark], [['append 1 at 5'], 6, 6])
  const { replicaState, maxWaitMs } = w.requests[0]!
  assert.deepEqual([replicaState, maxWaitMs], [{ replicaId: 1, replicaEpoch: 11 }, WAIT_MS])
  await w.time.run(WAIT_MS)
  assert.equal(w.asked().at(-1), '7/2:')
})

test('few partitions share what an answer may hold, unless an operator has said how much one may bring', async () => {
  for (const [isGiven, count, bytesMax] of [
    [false, 1, 10_000],
    [false, 4, 2500],
    [false, 20, 1000],
    [true, 1, 1000],
  ] as const) {
    await using w = await world()
    w.state.isBytesMaxGiven = isGiven
    for (let index = 0; index < count; index++) w.fetcher.add(Object.assign(new FollowedLog(), { index }))
    await w.time.settle()
    const rows = w.requests[0]!.topics.flatMap(({ partitions }) => partitions)
    assert.deepEqual([...new Set(rows.map(({ partitionMaxBytes }) => partitionMaxBytes))], [bytesMax])
  }
})

test('a log whose end is not safe yet is not claimed: it is asked for once it is', async () => {
  await using w = await world()
  const [log, gate] = [new FollowedLog(), deferred<void>()]
  Object.assign(log, { isSettled: false, gate: gate.promise })
  w.fetcher.add(log)
  await w.time.settle()
  assert.deepEqual([w.asked(), log.done], [[], ['settled']])
  gate.resolve()
  await w.time.settle()
  assert.deepEqual(w.asked(), ['0/0: 0@5'])
})

test('a slow log is left out of the session and holds up no other, and the leader is not let wait long', async () => {
  await using w = await world()
  const [slow, quick, gate] = [new FollowedLog(0), new FollowedLog(1), deferred<void>()]
  slow.gate = gate.promise
  w.answer({ records: BYTES }, { partitionIndex: 1, records: BYTES })
  w.fetcher.add(slow)
  w.fetcher.add(quick)
  await w.time.run(20)
  assert.deepEqual(w.asked().slice(0, 2), ['0/0: 0@5 1@5', '7/1: 1@6 -0'])
  assert.ok(w.requests[1]!.maxWaitMs < WAIT_MS)
  gate.resolve()
  await w.time.run(20)
  assert.ok(
    w
      .asked()
      .slice(2)
      .some((one) => one.includes('0@6')),
    `${w.asked()}`,
  )
})

test('an answer to what was asked before the epoch, the end or the leader changed is let fall', async () => {
  for (const change of ['epoch', 'end', 'leader'] as const) {
    await using w = await world()
    const log = new FollowedLog()
    w.state.answers.push(() => {
      if (change === 'epoch') log.leaderEpoch = 4
      else if (change === 'end') log.end = 4
      else w.fetcher.remove(log)
      return { sessionId: 7, responses: [responseOf([{ records: BYTES, highWatermark: 6 }])] }
    })
    w.fetcher.add(log)
    await w.time.settle()
    assert.deepEqual([log.done, log.highWatermark], [[], 0], change)
  }
})

test('where histories part the log is cut to what is shared, and asked for from there', async () => {
  await using w = await world()
  const log = new FollowedLog()
  w.answer({ divergingEpoch: { epoch: 2, endOffset: 3 } })
  w.fetcher.add(log)
  await w.time.settle()
  assert.deepEqual(log.done, ['cut to 3 of epoch 2'])
  assert.deepEqual(w.asked(), ['0/0: 0@5', '7/1: 0@3'])
})

test('a log outside of the leader’s begins at the leader’s start', async () => {
  await using w = await world()
  const log = new FollowedLog()
  w.answer(refusal('OFFSET_OUT_OF_RANGE'))
  w.fetcher.add(log)
  await w.time.run(5)
  assert.deepEqual(log.done, ['reset to 40…90'])
  assert.equal(w.asked().at(-1), '7/1: 0@40')
})

test('a partition that is refused rests, the others go on meanwhile', async () => {
  await using w = await world()
  const [refused, other] = [new FollowedLog(0), new FollowedLog(1)]
  w.answer(refusal('NOT_LEADER_OR_FOLLOWER'), { partitionIndex: 1, records: BYTES })
  w.fetcher.add(refused)
  w.fetcher.add(other)
  await w.time.run(BACKOFF_MS / 2)
  assert.deepEqual(w.asked().slice(0, 2), ['0/0: 0@5 1@5', '7/1: 1@6 -0'])
  assert.ok(
    !w
      .asked()
      .slice(1)
      .some((one) => one.includes('0@5')),
    'not before its backoff is over',
  )
  await w.time.run(BACKOFF_MS)
  assert.ok(w.asked().at(-1)!.includes('0@5') || w.asked().some((one, i) => i > 1 && one.includes('0@5')))
  assert.deepEqual(
    w.logger.lines.filter(({ level }) => level === 'warn'),
    [],
    'every change of leaders has some',
  )
})

test('one that is followed in a new epoch is asked for at once, though it rests', async () => {
  await using w = await world()
  const log = new FollowedLog()
  w.answer(refusal('UNKNOWN_LEADER_EPOCH'))
  w.fetcher.add(log)
  await w.time.settle()
  log.leaderEpoch = 4
  w.fetcher.add(log)
  await w.time.run(20)
  assert.equal(w.requests.length, 2)
  assert.equal(w.requests[1]!.topics[0]!.partitions[0]!.currentLeaderEpoch, 4)
})

test('a session that the leader has forgotten is begun anew at once, with all partitions', async () => {
  for (const error of ['FETCH_SESSION_ID_NOT_FOUND', 'INVALID_FETCH_SESSION_EPOCH'] as const) {
    await using w = await world()
    w.answer({ records: BYTES })
    w.state.answers.push(() => ({ errorCode: errorCode(error), sessionId: 0, responses: [] }))
    w.fetcher.add(new FollowedLog())
    await w.time.settle()
    assert.deepEqual(w.asked(), ['0/0: 0@5', '7/1: 0@6', '0/0: 0@6'], error)
  }
})

test('a leader that keeps no session is told everything each time', async () => {
  await using w = await world()
  w.state.session = 0
  w.answer({ records: BYTES })
  w.fetcher.add(new FollowedLog())
  await w.time.settle()
  assert.deepEqual(w.asked(), ['0/0: 0@5', '0/0: 0@6'])
})

test('after a lost connection everything is asked for again, later and later, from a session of its own', async () => {
  await using w = await world()
  for (let i = 0; i < 3; i++) w.state.answers.push(() => 'hang-up')
  w.fetcher.add(new FollowedLog())
  await w.time.settle()
  assert.equal(w.requests.length, 1)
  await w.time.run(50)
  assert.equal(w.requests.length, 2)
  await w.time.run(5000)
  assert.deepEqual(new Set(w.asked().slice(0, 4)), new Set(['0/0: 0@5']))
  assert.deepEqual(w.state.refused, [], 'whoever hangs up listens')
})

test('a leader that hangs up again and again is not asked all the time', async () => {
  await using w = await world()
  for (let i = 0; i < 200; i++) w.state.answers.push(() => 'hang-up')
  w.fetcher.add(new FollowedLog())
  await w.time.run(5000)
  assert.ok(w.requests.length >= 5 && w.requests.length <= 20, `${w.requests.length} in five seconds`)
})

test('an address that refuses twice in a row is told, once for each such row', async () => {
  await using w = await world()
  w.state.address = { host: 'leader', port: PORT + 1 }
  w.fetcher.add(new FollowedLog())
  await w.time.run(5000)
  assert.deepEqual(w.state.refused, [LEADER])
  w.state.address = { host: 'leader', port: PORT }
  await w.time.run(2000)
  assert.ok(w.requests.length > 0)
})

test('a leader without an address is looked for until it has one', async () => {
  await using w = await world()
  w.state.address = undefined
  w.fetcher.add(new FollowedLog())
  await w.time.run(3000)
  assert.deepEqual([w.requests.length, w.state.refused], [0, []])
  w.state.address = { host: 'leader', port: PORT }
  await w.time.run(2000)
  assert.deepEqual(w.asked()[0], '0/0: 0@5')
})

test('a disposed fetcher asks for nothing more and leaves no timer', async () => {
  const w = await world()
  w.fetcher.add(new FollowedLog())
  await w.time.settle()
  await w[Symbol.asyncDispose]()
  const count = w.requests.length
  await w.time.run(5000)
  assert.equal(w.requests.length, count)
})

test('a leader is asked all the same while everybody who is followed there waits for a throttle alone', async () => {
  await using w = await world()
  w.quota.configure({ bytesPerSecond: 0, windows: 11, windowMs: 1000 })
  const log = new FollowedLog()
  log.rules = { throttle: { leader: null, follower: '*' } }
  w.fetcher.add(log)
  await w.time.run(10_000)
  assert.ok(w.fetcher.answers >= 5, `${w.fetcher.answers} answers in ten seconds`)
  assert.ok(
    w.requests.every(({ topics }) => topics.length === 0),
    'and for no partition',
  )
})
