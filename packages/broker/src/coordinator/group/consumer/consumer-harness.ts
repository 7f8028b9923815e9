/** For the tests of this folder: one group id as a shard keeps it, and members that talk to it. */
import assert from 'node:assert/strict'
import type { MetadataImage } from '../../../metadata/image.ts'
import { imageChange } from '../../../metadata/image-change.ts'
import type { CoordinatorRecord, Step } from '../../machine.ts'
import { imageWith, type TestTicket, TestWorld, Transcript, testCaller, topicIdOf } from '../../testing/transcript.ts'
import { ClassicGroup } from '../classic/classic-group.ts'
import { decodeGroupRecord, type GroupRecord } from '../group-records.ts'
import type { Caller } from '../world.ts'
import { heartbeatAbsentGroup } from './absent-group.ts'
import { ConsumerGroup } from './consumer-group.ts'
import type { HeartbeatReply } from './heartbeat.ts'
import type { HeartbeatRequest } from './heartbeat-request.ts'
import { TopicWatch } from './topic-watch.ts'

export const GROUP = 'g'

/** Keeps and replaces the group as the records say, like a shard. */
export class OneGroup {
  readonly world: TestWorld
  readonly watch: TopicWatch
  group: ConsumerGroup | ClassicGroup | null = null
  #expected: ConsumerGroup | ClassicGroup | null = null

  constructor(world: TestWorld) {
    this.world = world
    this.watch = new TopicWatch(world.image())
  }

  get consumer(): ConsumerGroup {
    assert.equal(this.group?.kind, 'consumer')
    return this.group as ConsumerGroup
  }

  get classic(): ClassicGroup {
    assert.equal(this.group?.kind, 'classic')
    return this.group as ClassicGroup
  }

  get parts() {
    return {
      ...{ groupId: GROUP, world: this.world, watch: this.watch },
      expect: (successor: ClassicGroup) => {
        this.#expected = successor
      },
    }
  }

  apply(record: CoordinatorRecord): void {
    const decoded = decodeGroupRecord(record)
    assert.ok(decoded !== null && decoded.type !== 'offsetCommit')
    const kind = decoded.type === 'groupMetadata' ? 'classic' : 'consumer'
    if (decoded.value === null && this.group?.kind !== kind) return
    if (this.group?.kind !== kind) this.group = this.#take(kind)
    const isEnd = decoded.type === 'groupMetadata' || decoded.type === 'consumerGroupMetadata'
    if (decoded.value === null && isEnd) this.group = null
    else this.group.apply(decoded)
  }

  heartbeat(
    event: { request: HeartbeatRequest; caller: Caller; ticket: TestTicket<HeartbeatReply> },
    nowMs: number,
  ): Step {
    if (this.group?.kind === 'consumer') {
      return this.group.heartbeat(event.request, event.caller, event.ticket, nowMs)
    }
    const { group, step } = heartbeatAbsentGroup(this.parts, { event, present: this.group }, nowMs)
    this.#expected = group
    return step
  }

  #take(kind: 'classic' | 'consumer'): ConsumerGroup | ClassicGroup {
    const expected = this.#expected?.kind === kind ? this.#expected : null
    this.#expected = null
    if (expected !== null) return expected
    return kind === 'consumer' ? ConsumerGroup.empty(this.parts) : ClassicGroup.empty(GROUP, this.world)
  }
}

/** The fields of a request; partitions by the name of the topic. */
export interface Said extends Partial<Omit<HeartbeatRequest, 'topicPartitions' | 'memberEpoch'>> {
  readonly epoch: number
  readonly owned?: Readonly<Record<string, readonly number[]>> | null
}

export interface Told {
  readonly memberId: string | null | undefined
  readonly epoch: number
  /** By the name of the topic; null: as before. */
  readonly assignment: Readonly<Record<string, readonly number[]>> | null
}

export class Scene {
  readonly world = new TestWorld()
  readonly transcript: Transcript<OneGroup>

  constructor(topics: Readonly<Record<string, number>> = {}) {
    this.world.currentImage = imageWith(topics)
    this.transcript = new Transcript(() => new OneGroup(this.world))
  }

  get group(): ConsumerGroup {
    return this.transcript.subject.consumer
  }

  say(memberId: string, said: Said, caller: Partial<Caller> = {}): TestTicket<HeartbeatReply> {
    const request = requestOf(memberId, said)
    return this.transcript.submit<HeartbeatReply>((subject, ticket, nowMs) =>
      subject.heartbeat(
        { request, caller: testCaller({ apiVersion: 1, ...caller }), ticket: ticket as TestTicket<HeartbeatReply> },
        nowMs,
      ),
    )
  }

  /** What the member is told. */
  told(memberId: string, said: Said): Told {
    return this.read(this.say(memberId, said).reply)
  }

  read(reply: HeartbeatReply): Told {
    const list = reply.assignment?.topicPartitions ?? null
    const assignment = list && Object.fromEntries(list.map((each) => [this.nameOf(each.topicId), [...each.partitions]]))
    return { memberId: reply.memberId, epoch: reply.memberEpoch, assignment }
  }

  /** A join, and the answer to it. */
  join(memberId: string, topics: readonly string[], more: Partial<Said> = {}): Told {
    return this.told(memberId, joining(topics, more))
  }

  /** The records of what is done meanwhile, as text: type and what matters of the value. */
  records(act: () => void): string[] {
    const from = this.transcript.log.length
    act()
    return this.transcript.records(from).map((record) => this.#line(record))
  }

  setTopics(topics: Readonly<Record<string, number>>): void {
    this.setImage(imageWith(topics, this.world.currentImage.revision + 1))
  }

  setImage(image: MetadataImage): void {
    const before = this.world.currentImage
    this.world.currentImage = image
    this.transcript.subject.watch.imageChanged(imageChange(before, image))
  }

  nameOf(topicId: string): string {
    return Buffer.from(topicId, 'base64url').toString().replaceAll('\0', '')
  }

  /** Another coordinator takes over. */
  failOver(): void {
    const subject = this.transcript.restart()
    if (subject.group !== null) this.transcript.run(subject.group.loaded(this.transcript.nowMs))
  }

  #line({ type, key, value }: GroupRecord): string {
    const member = 'memberId' in key ? ` ${key.memberId}` : ''
    const short = type.replace('consumerGroup', '')
    return value === null ? `${short}${member} gone` : `${short}${member}${this.#facts(value)}`
  }

  #facts(value: object): string {
    const facts: string[] = []
    if ('epoch' in value) facts.push(`epoch ${value.epoch}`)
    if ('assignmentEpoch' in value) facts.push(`epoch ${value.assignmentEpoch}`)
    if ('memberEpoch' in value) facts.push(`epoch ${value.memberEpoch}`)
    if ('state' in value) facts.push(`state ${value.state}`)
    if ('subscribedTopicNames' in value) facts.push(String(value.subscribedTopicNames))
    if ('topics' in value) facts.push(String(value.topics))
    for (const field of ['topicPartitions', 'assignedPartitions', 'partitionsPendingRevocation']) {
      if (field in value) facts.push(this.#partitions(value[field as keyof typeof value]))
    }
    return facts.length === 0 ? '' : `: ${facts.join(', ')}`
  }

  #partitions(list: readonly { topicId: string; partitions: readonly number[] }[]): string {
    return `[${list.map(({ topicId, partitions }) => partitions.map((p) => `${this.nameOf(topicId)}${p}`).join(' ')).join(' ')}]`
  }
}

export function joining(topics: readonly string[], more: Partial<Said> = {}): Said {
  return { epoch: 0, rebalanceTimeoutMs: 60_000, subscribedTopicNames: [...topics], owned: {}, ...more }
}

export function requestOf(memberId: string, { epoch, owned = null, ...fields }: Said): HeartbeatRequest {
  const topicPartitions =
    owned &&
    Object.entries(owned).map(([name, partitions]) => ({ topicId: topicIdOf(name), partitions: [...partitions] }))
  return {
    ...{ groupId: GROUP, memberId, memberEpoch: epoch, instanceId: null, rackId: null, rebalanceTimeoutMs: -1 },
    ...{ subscribedTopicNames: null, subscribedTopicRegex: null, serverAssignor: null, topicPartitions },
    ...fields,
  }
}
