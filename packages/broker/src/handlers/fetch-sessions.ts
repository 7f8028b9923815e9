/**
 * Fetch sessions (KIP-227): the partitions that a consumer fetches are remembered between its requests, so that it
 * names only what changes and is told only what is new. Owns the sessions and their epochs; reads no data.
 *
 * A session is lost without harm: the client is told FETCH_SESSION_ID_NOT_FOUND and begins a new one.
 */
import type { Clock } from '@ottla/base/clock.ts'
import type { Random } from '@ottla/base/random.ts'
import type { ErrorName } from '@ottla/protocol/errors.ts'

const INT32_MAX = 0x7fff_ffff
/** The request that begins a session, or ends one and begins another. */
const INITIAL_EPOCH = 0
/** The request that wants no session. */
const FINAL_EPOCH = -1

/** A partition as its client last asked for it. */
export interface FetchPartition {
  /** The zero uuid below version 13. */
  readonly topicId: string
  /** Empty from version 13 on. */
  readonly topicName: string
  readonly partition: number
  readonly fetchOffset: number
  readonly maxBytes: number
  readonly currentLeaderEpoch: number
  readonly lastFetchedEpoch: number
  /** Of a follower: where its log begins, and the high watermark that it knows; −1 where it does not tell. */
  readonly logStartOffset: number
  readonly knownHighWatermark: number
}

/** What was last told of a partition: an incremental reply names it again only when one of these has changed. */
export interface ToldState {
  highWatermark: number
  logStartOffset: number
}

export interface SessionPartition extends ToldState {
  asked: FetchPartition
}

export interface FetchSessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly usesTopicIds: boolean
  readonly partitions: readonly FetchPartition[]
  readonly forgotten: readonly Pick<FetchPartition, 'topicId' | 'topicName' | 'partition'>[]
}

export type SessionStart =
  | { readonly kind: 'refused'; readonly error: ErrorName }
  | {
      readonly kind: 'started'
      /** 0: there is none. */
      readonly sessionId: number
      /** Whether partitions without news stay out of the reply. */
      readonly incremental: boolean
      /** In the order in which they are served. */
      readonly partitions: readonly SessionPartition[]
      /** Puts a partition that got data behind the others. */
      readonly served: (partition: SessionPartition) => void
    }

export interface FetchSessionsOptions {
  readonly clock: Clock
  readonly random: Random
  /** `max.incremental.fetch.session.cache.slots` */
  readonly slotsMax: number
  /** Kafka's MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS: a younger session gives way to nobody. */
  readonly evictionMs?: number
}

interface Session {
  readonly id: number
  readonly usesTopicIds: boolean
  readonly partitions: Map<string, SessionPartition>
  readonly createdMs: number
  epoch: number
  lastUsedMs: number
}

export class FetchSessions {
  readonly #options: FetchSessionsOptions
  readonly #evictionMs: number
  /** Least recently used first. */
  readonly #sessions = new Map<number, Session>()

  constructor(options: FetchSessionsOptions) {
    this.#options = options
    this.#evictionMs = options.evictionMs ?? 120_000
  }

  get count(): number {
    return this.#sessions.size
  }

  start(request: FetchSessionRequest): SessionStart {
    const { sessionId, sessionEpoch } = request
    if (sessionEpoch === INITIAL_EPOCH || sessionEpoch === FINAL_EPOCH) {
      if (sessionId !== 0) this.#sessions.delete(sessionId)
      return sessionEpoch === INITIAL_EPOCH ? this.#begin(request) : sessionless(request)
    }
    return this.#goOn(request)
  }

  #begin(request: FetchSessionRequest): SessionStart {
    const session = this.#create(request)
    if (session === null) return sessionless(request)
    return { ...started(session), incremental: false }
  }

  #create(request: FetchSessionRequest): Session | null {
    if (!this.#makeRoom(request.partitions.length)) return null
    const now = this.#options.clock.monotonicMs()
    const session: Session = {
      id: this.#newId(),
      usesTopicIds: request.usesTopicIds,
      partitions: new Map(),
      createdMs: now,
      lastUsedMs: now,
      epoch: 1,
    }
    for (const partition of request.partitions) session.partitions.set(keyOf(partition), untold(partition))
    this.#sessions.set(session.id, session)
    return session
  }

  #goOn(request: FetchSessionRequest): SessionStart {
    const session = this.#sessions.get(request.sessionId)
    if (session === undefined) return { kind: 'refused', error: 'FETCH_SESSION_ID_NOT_FOUND' }
    if (session.epoch !== request.sessionEpoch) return { kind: 'refused', error: 'INVALID_FETCH_SESSION_EPOCH' }
    if (session.usesTopicIds !== request.usesTopicIds) return { kind: 'refused', error: 'FETCH_SESSION_TOPIC_ID_ERROR' }
    this.#touch(session)
    updatePartitions(session, request)
    if (session.partitions.size > 0) return { ...started(session), incremental: true }
    this.#sessions.delete(session.id)
    return sessionless(request)
  }

  #touch(session: Session): void {
    session.epoch = epochAfter(session.epoch)
    session.lastUsedMs = this.#options.clock.monotonicMs()
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
  }

  /** Full: a session that nobody has used for long goes, or an old one that is smaller than the new one. */
  #makeRoom(size: number): boolean {
    if (this.#sessions.size < this.#options.slotsMax) return true
    const now = this.#options.clock.monotonicMs()
    let victim: Session | null = null
    for (const session of this.#sessions.values()) {
      if (now - session.lastUsedMs > this.#evictionMs) {
        victim = session
        break
      }
      const old = now - session.createdMs > this.#evictionMs
      const smaller = session.partitions.size < (victim?.partitions.size ?? size)
      if (old && smaller) victim = session
    }
    return victim !== null && this.#sessions.delete(victim.id)
  }

  #newId(): number {
    for (;;) {
      const id = 1 + this.#options.random.below(INT32_MAX - 1)
      if (!this.#sessions.has(id)) return id
    }
  }
}

/** The epoch that the next request of a session has to name: it never comes back to that of a new one. */
export function epochAfter(epoch: number): number {
  return epoch === INT32_MAX ? 1 : epoch + 1
}

function started(session: Session): Omit<Extract<SessionStart, { kind: 'started' }>, 'incremental'> {
  return {
    kind: 'started',
    sessionId: session.id,
    partitions: [...session.partitions.values()],
    served: (partition) => {
      const key = keyOf(partition.asked)
      if (!session.partitions.delete(key)) return
      session.partitions.set(key, partition)
    },
  }
}

function sessionless(request: FetchSessionRequest): SessionStart {
  return {
    kind: 'started',
    sessionId: 0,
    incremental: false,
    partitions: request.partitions.map(untold),
    served: () => {},
  }
}

function updatePartitions(session: Session, request: FetchSessionRequest): void {
  for (const partition of request.partitions) {
    const known = session.partitions.get(keyOf(partition))
    if (known) known.asked = partition
    else session.partitions.set(keyOf(partition), untold(partition))
  }
  for (const partition of request.forgotten) session.partitions.delete(keyOf(partition))
}

function untold(asked: FetchPartition): SessionPartition {
  return { asked, highWatermark: -1, logStartOffset: -1 }
}

function keyOf({ topicId, topicName, partition }: Pick<FetchPartition, 'topicId' | 'topicName' | 'partition'>): string {
  return `${topicId} ${topicName} ${partition}`
}
