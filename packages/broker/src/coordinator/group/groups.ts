/**
 * The groups of one shard, by id. Owns which there are and of which kind; `apply` alone makes and removes what is in the
 * log. What is not in the log yet is made by a request: a classic group is kept at once, as members may already wait in
 * it; a group that begins with its first record is expected until that is applied.
 */
import type { ImageChange } from '../../metadata/image-change.ts'
import { ClassicGroup } from './classic/classic-group.ts'
import { ConsumerGroup, type ConsumerGroupParts } from './consumer/consumer-group.ts'
import { TopicWatch } from './consumer/topic-watch.ts'
import { type GroupRecord, groupIdOf } from './group-records.ts'
import type { GroupWorld } from './world.ts'

export type AnyGroup = ClassicGroup | ConsumerGroup

export class Groups {
  readonly #world: GroupWorld
  readonly #watch: TopicWatch
  readonly #byId = new Map<string, AnyGroup>()
  /** Made by the step that is under way; a step and its records are one turn, so there is one at most. */
  #expected: AnyGroup | null = null

  constructor(world: GroupWorld) {
    this.#world = world
    this.#watch = new TopicWatch(world.image())
  }

  get all(): ReadonlyMap<string, AnyGroup> {
    return this.#byId
  }

  get(groupId: string): AnyGroup | undefined {
    return this.#byId.get(groupId)
  }

  imageChanged(change: ImageChange): void {
    this.#watch.imageChanged(change)
  }

  /** From now on, whatever the log says of another one. */
  keep(group: AnyGroup): void {
    this.#byId.set(group.groupId, group)
  }

  forget(groupId: string): void {
    this.#byId.delete(groupId)
  }

  /** The group is kept when its first record is applied, which is in this turn or never. */
  expect<G extends AnyGroup>(group: G): G {
    this.#expected = group
    return group
  }

  /** What a consumer group is made of. */
  partsOf(groupId: string): ConsumerGroupParts {
    return { groupId, world: this.#world, watch: this.#watch, expect: (successor) => this.expect(successor) }
  }

  /** Offsets alone make a group too. */
  keepForOffsets(groupId: string): void {
    if (!this.#byId.has(groupId)) this.keep(ClassicGroup.empty(groupId, this.#world))
  }

  apply(record: Exclude<GroupRecord, { type: 'offsetCommit' }>): void {
    const groupId = groupIdOf(record)
    const kind = record.type === 'groupMetadata' ? 'classic' : 'consumer'
    const known = this.#byId.get(groupId)
    // Of a group that has given way to one of the other kind, or that compaction has left no more of.
    if (record.value === null && known?.kind !== kind) return
    const group = known?.kind === kind ? known : this.#begin(groupId, kind)
    const isEnd = record.value === null && (record.type === 'groupMetadata' || record.type === 'consumerGroupMetadata')
    if (isEnd) this.#byId.delete(groupId)
    if (!isEnd || group.kind === 'consumer') group.apply(record)
  }

  #begin(groupId: string, kind: AnyGroup['kind']): AnyGroup {
    const expected = this.#expected
    this.#expected = null
    const isExpected = expected?.groupId === groupId && expected.kind === kind
    const group = isExpected ? expected : this.#make(groupId, kind)
    this.keep(group)
    return group
  }

  #make(groupId: string, kind: AnyGroup['kind']): AnyGroup {
    return kind === 'classic' ? ClassicGroup.empty(groupId, this.#world) : ConsumerGroup.empty(this.partsOf(groupId))
  }
}
