/**
 * Drives a machine, or a part of one, in tests as the runtime would: appends and applies the records of each step,
 * gives its answers, keeps its timers on a clock of its own, and replays the log into a fresh one. Everything that came
 * out stays there to be compared.
 */
import assert from 'node:assert/strict'
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { emptyImage, type MetadataImage, type TopicImage, type Uuid } from '../../metadata/image.ts'
import { decodeGroupRecord, type GroupRecord } from '../group/group-records.ts'
import type { Caller, GroupSettings, GroupWorld } from '../group/world.ts'
import type { BackgroundWork, CoordinatorRecord, RecordOrigin, Step, Ticket, TimerStart } from '../machine.ts'

/** Remembers its one answer; a second one fails the test. */
export class TestTicket<Reply> implements Ticket<Reply> {
  #outcome: { readonly reply: Reply } | { readonly error: ErrorName } | null = null

  readonly resolve = (reply: Reply): void => this.#settle({ reply })
  readonly reject = (error: ProtocolError): void => this.#settle({ error: error.error })

  get isAnswered(): boolean {
    return this.#outcome !== null
  }

  /** Fails unless there is a reply. */
  get reply(): Reply {
    assert.ok(this.#outcome !== null, 'There is an answer')
    assert.ok('reply' in this.#outcome, `The answer is a reply, not ${JSON.stringify(this.#outcome)}`)
    return this.#outcome.reply
  }

  /** The error that rejected it; null while there is none. */
  get error(): ErrorName | null {
    return this.#outcome !== null && 'error' in this.#outcome ? this.#outcome.error : null
  }

  #settle(outcome: { readonly reply: Reply } | { readonly error: ErrorName }): void {
    assert.equal(this.#outcome, null, 'A ticket is answered once')
    this.#outcome = outcome
  }
}

export interface Subject {
  apply(record: CoordinatorRecord, origin: RecordOrigin): void
}

export interface LoggedRecord {
  readonly record: CoordinatorRecord
  readonly origin: RecordOrigin
}

const NO_TRANSACTION = { producerId: -1, producerEpoch: -1 }
export const START_MS = 1_700_000_000_000

export class Transcript<S extends Subject> {
  /** A new one whenever `restart` was called. */
  subject: S
  nowMs = START_MS
  /** Everything that was appended. */
  readonly log: LoggedRecord[] = []
  readonly #make: () => S
  readonly #timers = new Map<string, { readonly atMs: number; readonly start: TimerStart }>()
  readonly #work = new Map<string, BackgroundWork>()
  #refuseNext: ErrorName | null = null

  constructor(make: () => S) {
    this.#make = make
    this.subject = make()
  }

  /** An event; what it asks for is done at once. Returns the ticket that it was given. */
  submit<Reply>(event: (subject: S, ticket: Ticket<Reply>, nowMs: number) => Step): TestTicket<Reply> {
    const ticket = new TestTicket<Reply>()
    this.run(event(this.subject, ticket, this.nowMs))
    return ticket
  }

  /** Does what a step asks for. Returns its records, decoded. */
  run(step: Step, transaction: Pick<RecordOrigin, 'producerId' | 'producerEpoch'> = NO_TRANSACTION): GroupRecord[] {
    const refused = this.#refusal(step)
    if (refused !== null) {
      this.#refuse(step, refused)
      return []
    }
    for (const record of step.records) this.append(record, transaction)
    for (const key of step.cancelled) this.#timers.delete(key)
    for (const start of step.timers) this.#timers.set(start.key, { atMs: this.nowMs + start.afterMs, start })
    for (const work of step.work) this.#work.set(work.key, work)
    for (const answer of step.answers) answer.give()
    return decoded(step.records)
  }

  /** A record that the machine did not ask for itself: of a transaction, or of the past. */
  append(record: CoordinatorRecord, transaction = NO_TRANSACTION): void {
    const origin = { timestampMs: this.nowMs, ...transaction }
    this.log.push({ record, origin })
    this.subject.apply(record, origin)
  }

  /** The next step with records is refused. */
  refuseNext(error: ErrorName): void {
    this.#refuseNext = error
  }

  /** Lets time pass; timers run out in the order of their times, each at its own. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms
    for (;;) {
      const due = [...this.#timers.values()].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#timers.delete(due.start.key)
      this.nowMs = Math.max(this.nowMs, due.atMs)
      this.run(due.start.fire(this.nowMs))
    }
    this.nowMs = untilMs
  }

  /** The timers that run, with the milliseconds that are left of each. */
  get timers(): ReadonlyMap<string, number> {
    return new Map([...this.#timers].map(([key, { atMs }]) => [key, atMs - this.nowMs]))
  }

  /** Keys of work that was asked for and has not run yet. */
  get pendingWork(): readonly string[] {
    return [...this.#work.keys()]
  }

  /** Runs all pending work to its end; returns the number of its pieces. */
  finishWork(): number {
    let pieces = 0
    for (const [key, { run }] of this.#work) {
      this.#work.delete(key)
      const pieceByPiece = run()
      for (let next = pieceByPiece.next(); ; next = pieceByPiece.next()) {
        pieces++
        if (!next.done) continue
        this.run(next.value(this.nowMs))
        break
      }
    }
    return pieces
  }

  /** The records since `from`, decoded. */
  records(from = 0): GroupRecord[] {
    return decoded(this.log.slice(from).map(({ record }) => record))
  }

  /** A fail-over: a fresh subject takes what is in the log; timers and work are gone. The caller runs its `loaded`. */
  restart(): S {
    this.#timers.clear()
    this.#work.clear()
    this.subject = this.#make()
    for (const { record, origin } of this.log) this.subject.apply(record, origin)
    return this.subject
  }

  #refusal(step: Step): ErrorName | null {
    if (step.records.length === 0) return null
    const error = this.#refuseNext
    this.#refuseNext = null
    return error
  }

  #refuse(step: Step, error: ErrorName): void {
    if (step.refused !== null) this.run(step.refused(error))
    else for (const { ticket } of step.answers) ticket.reject(new ProtocolError(error))
  }
}

export function decoded(records: readonly CoordinatorRecord[]): GroupRecord[] {
  return records.map((record) => {
    const known = decodeGroupRecord(record)
    assert.ok(known !== null, 'The record is of a known type')
    return known
  })
}

const DEFAULTS: GroupSettings = {
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 1_800_000,
  initialRebalanceDelayMs: 3000,
  maxSize: 2_147_483_647,
  offsetMetadataBytesMax: 4096,
  offsetsRetentionMs: 604_800_000,
  consumerProtocolEnabled: true,
  consumerSessionTimeoutMs: 45_000,
  consumerHeartbeatIntervalMs: 5000,
  consumerMaxSize: 2_147_483_647,
  consumerAssignors: ['uniform', 'range'],
  consumerMigrationPolicy: 'bidirectional',
  consumerRegexRefreshMs: 600_000,
}

/** Kafka's defaults on an empty cluster; both can be replaced at any time. Uuids count up. */
export class TestWorld implements GroupWorld {
  currentImage: MetadataImage = emptyImage
  changedSettings: Partial<GroupSettings> = {}
  #uuids = 0

  image(): MetadataImage {
    return this.currentImage
  }

  settings(): GroupSettings {
    return { ...DEFAULTS, ...this.changedSettings }
  }

  newUuid(): string {
    this.#uuids++
    return `00000000-0000-4000-8000-${String(this.#uuids).padStart(12, '0')}`
  }
}

/** An image with these topics, each of so many partitions, and one broker, 1, that leads them all. */
export function imageWith(topics: { readonly [name: string]: number }, revision = 1): MetadataImage {
  const all = Object.entries(topics).map(([name, count]) => topicImage(name, count, revision))
  return {
    ...emptyImage,
    revision,
    topicsById: new Map(all.map((topic) => [topic.id, topic])),
    topicsByName: new Map(all.map((topic) => [topic.name, topic])),
  }
}

/** The id that `imageWith` gives the topic. */
export function topicIdOf(name: string): Uuid {
  assert.ok(Buffer.byteLength(name) <= 16, 'A name of up to 16 bytes')
  return Buffer.concat([Buffer.from(name), Buffer.alloc(16)], 16).toString('base64url') as Uuid
}

function topicImage(name: string, partitionCount: number, revision: number): TopicImage {
  const partitions = Array.from({ length: partitionCount }, (_, index) => ({
    ...{ index, replicas: [1], isr: [1], leader: 1, leaderEpoch: 0, partitionEpoch: 0 },
  }))
  return { id: topicIdOf(name), name, internal: false, configs: new Map(), partitions, revision }
}

export function testCaller(parts: Partial<Caller> = {}): Caller {
  return { clientId: 'client', clientHost: '/127.0.0.1', apiVersion: 9, mayDescribeTopic: () => true, ...parts }
}
