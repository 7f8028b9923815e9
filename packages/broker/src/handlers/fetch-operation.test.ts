import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteShare } from '@ottla/base/byte-share.ts'
import type { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import type { RequestOf } from '@ottla/protocol/codec.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { Scratch } from '@ottla/protocol/records/compression.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { DEFAULT_LOG_SETTINGS } from '../log/settings.ts'
import { DIRECTORY, LogFixture, testBatch } from '../log/testing.ts'
import { emptyImage, type PartitionImage, type TopicImage } from '../metadata/image.ts'
import { Partition } from '../partition/partition.ts'
import { partitionRules } from '../partition/topic-rules.ts'
import { brokerConfig } from '../testing/memory-broker.ts'
import { aloneInCluster } from '../testing/no-cluster.ts'
import { type FetchResponse, fetch } from './01-fetch.ts'
import { contextOf } from './admin-harness.ts'
import { ConnectionCloseError } from './connection-close.ts'
import type { RequestContext } from './context.ts'
import { FetchSessions } from './fetch-sessions.ts'

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABQ'
const config = brokerConfig()
const IMAGE: PartitionImage = { index: 0, replicas: [1], isr: [1], leader: 1, leaderEpoch: 0, partitionEpoch: 0 }
const SHARE_BYTES = 10_000_000

/** The fetch handler over one real partition, with a share of reply bytes that the test sees. */
class Fixture {
  readonly log: LogFixture
  readonly share: ByteShare
  partition!: Partition
  isHere = true
  #aborted = new AbortController()
  readonly #fetch: ReturnType<typeof fetch>

  private constructor({ shareBytes = SHARE_BYTES, tailBytesMax = 100_000_000 }) {
    this.log = new LogFixture({ tailBytesMax })
    this.share = new ByteShare('replies', shareBytes)
    const { time } = this.log
    const topic: TopicImage = {
      id: TOPIC_ID,
      name: 't',
      internal: false,
      configs: new Map(),
      partitions: [IMAGE],
      revision: 1,
    }
    const image = { ...emptyImage, topicsByName: new Map([['t', topic]]), topicsById: new Map([[TOPIC_ID, topic]]) }
    const partitions = { find: () => (this.isHere ? this.partition : undefined), isOffline: () => false }
    this.#fetch = fetch({
      ...{ clock: time, timers: time, replyBytes: this.share, config: () => config, image: () => image },
      partitions: partitions as unknown as Parameters<typeof fetch>[0]['partitions'],
      fetchSessions: new FetchSessions({
        clock: time,
        random: { below: () => 5, float: () => 0, bytes: Buffer.alloc },
        slotsMax: 5,
      }),
    })
  }

  static async open(options: { shareBytes?: number; tailBytesMax?: number } = {}): Promise<Fixture> {
    const fixture = new Fixture(options)
    const { log } = fixture
    const { time, disk, syncs, tail, openSegments, removals, logger } = log
    fixture.partition = await log.finished(
      Partition.open({
        cluster: aloneInCluster(),
        ...{ topicId: TOPIC_ID, topicName: 't', image: IMAGE, localBrokerId: 1, clock: time, timers: time },
        scratch: new Scratch(),
        rules: partitionRules(config, { configs: new Map() }),
        log: {
          ...{ disk, clock: time, timers: time, syncs, tail, openSegments, removals, logger, directory: DIRECTORY },
          ...{ settings: DEFAULT_LOG_SETTINGS, cleanShutdown: false, recoveryPoint: 0, logStartOffset: 0 },
          producerIdExpirationMs: 1000,
        },
      }),
    )
    return fixture
  }

  async append(valueBytes: number, count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      const buffer = testBatch({ valueBytes })
      this.partition.append({ buffer, at: 0, end: buffer.length, acks: 1, timeoutMs: 1000 })
    }
    await this.log.time.settle()
  }

  /** Begins a fetch; its reply may come later. */
  begin(
    options: {
      offset?: number
      maxWaitMs?: number
      minBytes?: number
      maxBytes?: number
      lastFetchedEpoch?: number
      currentLeaderEpoch?: number
    } = {},
  ) {
    const {
      offset = 0,
      maxWaitMs = 0,
      minBytes = 1,
      maxBytes = 50_000_000,
      lastFetchedEpoch = -1,
      currentLeaderEpoch = -1,
    } = options
    const asked = {
      partition: 0,
      fetchOffset: offset,
      partitionMaxBytes: maxBytes,
      currentLeaderEpoch,
      lastFetchedEpoch,
      logStartOffset: -1,
    }
    const request = {
      ...{
        clusterId: null,
        replicaId: -1,
        replicaState: { replicaId: -1, replicaEpoch: -1 },
        sessionId: 0,
        sessionEpoch: -1,
      },
      ...{ maxWaitMs, minBytes, maxBytes, isolationLevel: 0, forgottenTopicsData: [], rackId: '' },
      topics: [
        {
          topic: 't',
          topicId: ZERO_UUID,
          partitions: [{ ...asked, replicaDirectoryId: ZERO_UUID, highWatermark: 0n }],
        },
      ],
    } satisfies RequestOf<typeof Fetch>
    const { time } = this.log
    const context: RequestContext = { ...contextOf(12), receivedMs: time.monotonicMs(), closed: this.#aborted.signal }
    const { ordered, reply, release } = this.#fetch(context, request)
    const running = {
      ...{ ordered, release: release! },
      response: undefined as FetchResponse | null | undefined,
      error: null as Error | null,
    }
    Promise.resolve(reply).then(
      (response) => {
        running.response = response
      },
      (error: Error) => {
        running.error = error
      },
    )
    return running
  }

  /** As `begin`, and its reply, which must come without time passing. */
  async fetch(options: Parameters<Fixture['begin']>[0] = {}) {
    const running = this.begin(options)
    await this.log.time.settle()
    assert.ok(running.response)
    const partition = running.response.responses[0]!.partitions[0]!
    const bytes = (partition.records as Buffer[]).reduce((sum, part) => sum + part.length, 0)
    return { ...running, partition, bytes }
  }

  close(): void {
    this.#aborted.abort()
  }
}

test('what a reply holds is counted in the share until it is released', async () => {
  const fixture = await Fixture.open()
  await fixture.append(1000, 3)
  const { bytes, release } = await fixture.fetch()
  assert.ok(bytes > 3000)
  assert.equal(fixture.share.usedBytes, bytes)
  release()
  assert.equal(fixture.share.usedBytes, 0)
})

test('a fetch takes at most a quarter of what is free, so that there is something for the next', async () => {
  const fixture = await Fixture.open()
  await fixture.append(100_000, 60)
  const first = await fixture.fetch()
  assert.ok(first.bytes <= SHARE_BYTES / 4 && first.bytes > SHARE_BYTES / 4 - 200_000)
  const second = await fixture.fetch()
  assert.ok(second.bytes <= (SHARE_BYTES - first.bytes) / 4 && second.bytes > 1_000_000)
  first.release()
  second.release()
  assert.equal(fixture.share.usedBytes, 0)
})

test('a share that is used up still serves one batch, then one fetch of a connection at a time', async () => {
  const fixture = await Fixture.open()
  await fixture.append(100_000, 3)
  fixture.share.add(SHARE_BYTES + 5)
  const fetched = await fixture.fetch({ minBytes: 1_000_000, maxWaitMs: 1000 })
  assert.ok(fetched.bytes > 100_000 && fetched.bytes < 200_000, 'and does not wait for more than it can get')
  assert.notEqual(fetched.ordered, null)
  fetched.release()
  fixture.share.remove(SHARE_BYTES + 5)
  const free = await fixture.fetch()
  assert.equal(free.ordered, null)
  free.release()
})

test('reads of history that run at one time do not each take the same free bytes', async () => {
  const fixture = await Fixture.open({ shareBytes: 2_000_000, tailBytesMax: 200_000 })
  for (let i = 0; i < 3; i++) await fixture.append(10_000, 100)
  const running = [fixture.begin(), fixture.begin(), fixture.begin()]
  assert.equal(fixture.share.usedBytes, 500_000 + 375_000 + 281_250, 'reserved until the file has been read')
  await fixture.log.time.settle()
  const sizes = running.map(({ response }) => {
    const { records } = response!.responses[0]!.partitions[0]!
    return (records as Buffer[]).reduce((sum, part) => sum + part.length, 0)
  })
  assert.ok(sizes[0]! > 480_000 && sizes[0]! <= 500_000, `${sizes}`)
  assert.ok(sizes[1]! <= 375_000 && sizes[2]! <= 281_250, `${sizes}`)
  for (const { release } of running) release()
  assert.equal(fixture.share.usedBytes, 0)
})

test('a fetch that waits holds nothing of the share', async () => {
  const fixture = await Fixture.open()
  await fixture.append(1000)
  const running = fixture.begin({ minBytes: 100_000, maxWaitMs: 1000 })
  await fixture.log.time.settle()
  assert.deepEqual([running.response, fixture.share.usedBytes], [undefined, 0])
  await fixture.log.time.run(1000)
  assert.ok(running.response && fixture.share.usedBytes > 1000)
  running.release()
  assert.equal(fixture.share.usedBytes, 0)
})

test('a client that goes is not answered, and what was read for it is given back', async () => {
  const fixture = await Fixture.open()
  await fixture.append(1000)
  const running = fixture.begin({ minBytes: 100_000, maxWaitMs: 1000 })
  await fixture.log.time.settle()
  fixture.close()
  await fixture.log.time.settle()
  // No reply at all would let those behind it pass for it, where the broker stops and has not closed yet.
  assert.ok(running.error instanceof ConnectionCloseError)
  // As the dispatcher does with an answer that is none.
  running.release()
  assert.deepEqual([fixture.share.usedBytes, fixture.log.time.pendingTimers], [0, 0])
})

test('a waiting fetch whose partition goes away is woken', async () => {
  const fixture = await Fixture.open()
  const running = fixture.begin({ maxWaitMs: 1000 })
  await fixture.log.time.settle()
  fixture.isHere = false
  fixture.partition.resign()
  await fixture.log.time.settle()
  assert.equal(errorName(running.response!.responses[0]!.partitions[0]!.errorCode), 'UNKNOWN_TOPIC_OR_PARTITION')
})

test('a waiting fetch whose partition gets another leader is told so', async () => {
  const fixture = await Fixture.open()
  const running = fixture.begin({ maxWaitMs: 1000 })
  await fixture.log.time.settle()
  fixture.partition.update({ ...IMAGE, leader: 2, isr: [2], replicas: [1, 2], leaderEpoch: 1, partitionEpoch: 1 })
  await fixture.log.time.settle()
  assert.equal(errorName(running.response!.responses[0]!.partitions[0]!.errorCode), 'NOT_LEADER_OR_FOLLOWER')
})

test('epochs are compared with the leader’s: older ones are fenced, histories that part are told where', async () => {
  const fixture = await Fixture.open()
  await fixture.append(10, 4)
  fixture.partition.update({ ...IMAGE, leaderEpoch: 3, partitionEpoch: 1 })
  await fixture.append(10, 2)
  const error = async (currentLeaderEpoch: number) =>
    errorName((await fixture.fetch({ currentLeaderEpoch })).partition.errorCode)
  assert.deepEqual(
    [await error(2), await error(3), await error(4)],
    ['FENCED_LEADER_EPOCH', 'NONE', 'UNKNOWN_LEADER_EPOCH'],
  )
  const rows: [lastFetchedEpoch: number, offset: number, expected: unknown][] = [
    [0, 4, undefined],
    [0, 5, { epoch: 0, endOffset: 4 }],
    [1, 4, { epoch: 0, endOffset: 4 }],
    [3, 6, undefined],
    [3, 7, { epoch: 3, endOffset: 6 }],
  ]
  for (const [lastFetchedEpoch, offset, expected] of rows) {
    const { partition, bytes } = await fixture.fetch({ lastFetchedEpoch, offset })
    assert.deepEqual(
      [partition.errorCode, partition.divergingEpoch],
      [0, expected],
      `epoch ${lastFetchedEpoch} at ${offset}`,
    )
    if (expected) assert.equal(bytes, 0)
  }
  assert.equal(
    errorName((await fixture.fetch({ lastFetchedEpoch: 4, offset: 1 })).partition.errorCode),
    'OFFSET_OUT_OF_RANGE',
  )
})

test('several moves of the high watermark in one turn wake a fetch once', async () => {
  const fixture = await Fixture.open()
  const running = fixture.begin({ maxWaitMs: 1000 })
  await fixture.log.time.settle()
  await fixture.append(10, 20)
  assert.equal((running.response!.responses[0]!.partitions[0]!.records as Buffer[]).length, 1, 'all twenty in one read')
  running.release()
  assert.equal(fixture.log.time.pendingTimers, 0)
})
