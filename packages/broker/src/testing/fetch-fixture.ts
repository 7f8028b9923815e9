/** For tests of fetches: the handler over one real partition, with a share of reply bytes that the test sees. */
import assert from 'node:assert/strict'
import { ByteShare } from '@ottla/base/byte-share.ts'
import type { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import type { RequestOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorName } from '@ottla/protocol/errors.ts'
import { assignOffset } from '@ottla/protocol/records/batch.ts'
import { Scratch } from '@ottla/protocol/records/compression.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import type { BrokerConfig } from '../config.ts'
import { type FetchResponse, fetch } from '../handlers/01-fetch.ts'
import { contextOf } from '../handlers/admin-harness.ts'
import { FetchSessions } from '../handlers/fetch-sessions.ts'
import type { BrokerParts } from '../handlers/parts.ts'
import { DEFAULT_LOG_SETTINGS } from '../log/settings.ts'
import { DIRECTORY, LogFixture, testBatch } from '../log/testing.ts'
import {
  type BrokerRegistration,
  emptyImage,
  type MetadataImage,
  type PartitionImage,
  type TopicImage,
} from '../metadata/image.ts'
import { Partition } from '../partition/partition.ts'
import { partitionRules } from '../partition/topic-rules.ts'
import { brokerConfig } from './memory-broker.ts'
import { aloneInCluster } from './no-cluster.ts'

export const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAABQ'
export const IMAGE: PartitionImage = { index: 0, replicas: [1], isr: [1], leader: 1, leaderEpoch: 0, partitionEpoch: 0 }
export const SHARE_BYTES = 10_000_000
const LONG_MAX = 0x7fff_ffff_ffff_ffffn

/** An alive broker with one listener, PLAINTEXT at `b<id>:9092`. */
export function broker(id: number, fields: Partial<BrokerRegistration> = {}): BrokerRegistration {
  const listener = { name: 'PLAINTEXT', host: `b${id}`, port: 9092, securityProtocol: 'PLAINTEXT' } as const
  return {
    ...{ id, epoch: id, incarnation: `i${id}`, rack: null, listeners: [listener], fenced: false, directories: [] },
    ...{ lostData: false, revision: id, ...fields },
  }
}

export interface FixtureOptions {
  readonly shareBytes?: number
  readonly tailBytesMax?: number
  readonly image?: PartitionImage
  readonly brokers?: readonly BrokerRegistration[]
  readonly settings?: { readonly [name: string]: string }
}

export interface Asked {
  readonly version?: number
  readonly offset?: number
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly lastFetchedEpoch?: number
  readonly currentLeaderEpoch?: number
  readonly rack?: string
  /** The id of the broker that follows; a consumer when left out. */
  readonly follower?: number
  /** A follower's. */
  readonly highWatermark?: bigint
  readonly sessionId?: number
  readonly sessionEpoch?: number
}

/** Makes the fetches of consumers and followers as the protocol brings them, and shows what becomes of each. */
export class FetchFixture {
  readonly log: LogFixture
  readonly share: ByteShare
  partition!: Partition
  isHere = true
  /** Whether the cluster can have heard of this broker within its session. */
  isHeard = true
  /** What other handlers need of the same broker. */
  readonly parts: Pick<BrokerParts, 'image' | 'partitions'>
  readonly #options: FixtureOptions
  readonly #config: BrokerConfig
  #image: MetadataImage
  readonly #aborted = new AbortController()
  readonly #fetch: ReturnType<typeof fetch>

  private constructor(options: FixtureOptions) {
    this.#options = options
    this.log = new LogFixture({ tailBytesMax: options.tailBytesMax ?? 100_000_000 })
    this.share = new ByteShare('replies', options.shareBytes ?? SHARE_BYTES)
    this.#config = brokerConfig(options.settings)
    const { time } = this.log
    this.#image = this.#imageOf(options.image ?? IMAGE)
    const partitions = {
      find: () => (this.isHere ? this.partition : undefined),
      isOffline: () => false,
    }
    this.parts = { image: () => this.#image, partitions: partitions as unknown as BrokerParts['partitions'] }
    this.#fetch = fetch({
      ...{ ...this.parts, clock: time, timers: time, replyBytes: this.share, config: () => this.#config },
      fetchSessions: new FetchSessions({
        clock: time,
        random: { below: () => 5, float: () => 0, bytes: Buffer.alloc },
        slotsMax: 5,
      }),
    })
  }

  static async open(options: FixtureOptions = {}): Promise<FetchFixture> {
    const fixture = new FetchFixture(options)
    const { log } = fixture
    const { time, disk, syncs, tail, openSegments, removals, logger } = log
    fixture.partition = await log.finished(
      Partition.open({
        cluster: {
          ...{ ...aloneInCluster(), lowerRecoveryPoint: () => {}, propose: () => {} },
          isHeard: () => fixture.isHeard,
          mayBeReplaced: () => !fixture.isHeard,
        },
        ...{ topicId: TOPIC_ID, topicName: 't', image: options.image ?? IMAGE, localBrokerId: 1 },
        ...{ clock: time, timers: time, scratch: new Scratch() },
        rules: partitionRules(fixture.#config, { configs: new Map() }),
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

  /** What a fetcher brings from the leader: so many batches behind the log's end, and the leader's high watermark. */
  async follow(count: number, highWatermark: number): Promise<void> {
    const { partition } = this
    const batches = Array.from({ length: count }, (_, i) => {
      const buffer = testBatch()
      assignOffset(buffer, 0, partition.logEndOffset + i, partition.leaderEpoch)
      return buffer
    })
    const marks = { highWatermark, logStartOffset: 0 }
    if (count > 0) await this.log.finished(partition.appendFetched(batches, marks))
    else partition.observeLeader(marks)
    await this.log.time.settle()
  }

  /** Begins a fetch; its reply may come later. */
  begin(asked: Asked = {}) {
    const { time } = this.log
    const { version = 12 } = asked
    const context = { ...contextOf(version), receivedMs: time.monotonicMs(), closed: this.#aborted.signal }
    const { ordered, reply, release } = this.#fetch(context, requestOf(asked))
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
  async fetch(asked: Asked = {}) {
    const running = this.begin(asked)
    await this.log.time.settle()
    assert.ok(running.response)
    const partition = running.response.responses[0]!.partitions[0]!
    const bytes = (partition.records as Buffer[]).reduce((sum, part) => sum + part.length, 0)
    return { ...running, partition, bytes }
  }

  async errorOf(asked: Asked): Promise<ErrorName> {
    return errorName((await this.fetch(asked)).partition.errorCode)
  }

  /** A newer state of the partition, as the controller publishes it. */
  async publish(image: PartitionImage): Promise<void> {
    this.#image = this.#imageOf(image)
    this.partition.update(image)
    await this.log.time.settle()
  }

  close(): void {
    this.#aborted.abort()
  }

  #imageOf(image: PartitionImage): MetadataImage {
    const { brokers = [] } = this.#options
    const topic: TopicImage = {
      ...{ id: TOPIC_ID, name: 't', internal: false, configs: new Map(), partitions: [image], revision: 1 },
    }
    return {
      ...emptyImage,
      brokers: new Map(brokers.map((broker) => [broker.id, broker])),
      topicsByName: new Map([['t', topic]]),
      topicsById: new Map([[TOPIC_ID, topic]]),
    }
  }
}

/** What was answered of the partition so far; undefined while the fetch waits. */
export function answerOf({ response }: { readonly response: FetchResponse | null | undefined }) {
  return response?.responses[0]?.partitions[0]
}

function requestOf(asked: Asked): RequestOf<typeof Fetch> {
  const { version = 12, maxWaitMs = 0, minBytes = 1, maxBytes = 50_000_000, follower = -1 } = asked
  const partition = {
    ...{ partition: 0, fetchOffset: asked.offset ?? 0, partitionMaxBytes: maxBytes, logStartOffset: 0 },
    currentLeaderEpoch: asked.currentLeaderEpoch ?? -1,
    lastFetchedEpoch: asked.lastFetchedEpoch ?? -1,
    ...{ replicaDirectoryId: ZERO_UUID, highWatermark: asked.highWatermark ?? LONG_MAX },
  }
  const replicaState = { replicaId: follower, replicaEpoch: follower < 0 ? -1 : follower }
  return {
    ...{ clusterId: null, replicaId: -1, replicaState, rackId: asked.rack ?? '' },
    ...{ sessionId: asked.sessionId ?? 0, sessionEpoch: asked.sessionEpoch ?? -1 },
    ...{ maxWaitMs, minBytes, maxBytes, isolationLevel: 0, forgottenTopicsData: [] },
    topics: [{ topic: version < 13 ? 't' : '', topicId: version < 13 ? ZERO_UUID : TOPIC_ID, partitions: [partition] }],
  }
}
