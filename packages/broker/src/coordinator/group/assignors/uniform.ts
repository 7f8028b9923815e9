/**
 * The assignor "uniform": as many partitions for everybody as the subscriptions allow, then as few moves as possible.
 *
 * Topics with the same subscribers make a class. Members keep what they may keep; what has no owner goes to the least
 * loaded subscriber; then, class by class, the most loaded member that holds a partition of the class gives one to the
 * least loaded, until they differ by one at most. With one class, where all subscribe to the same topics, that is
 * optimal in both respects. With more, a class may upset another: they are gone through again, at most ROUNDS_MAX times.
 * Time goes with partitions plus members for each class, whatever was assigned before.
 */
import type { Uuid } from '../../../metadata/image.ts'
import type { AssignorInput } from './assignor.ts'
import { LoadLevels } from './load-levels.ts'
import { addTo, type TopicPartitions } from './topic-partitions.ts'

/** Of classes that share members; each round about halves what is left to gain. */
const ROUNDS_MAX = 16
const NOBODY = -1

/** Members are numbers here, and so are partitions: those of a topic are neighbours. */
interface Topic {
  readonly id: Uuid
  readonly first: number
  readonly count: number
}

interface TopicClass {
  readonly subscribers: readonly number[]
  readonly topics: Topic[]
}

export function assignUniformly(input: AssignorInput): Map<string, TopicPartitions> {
  const distribution = new Distribution(input)
  distribution.keep()
  distribution.assignOrphans()
  distribution.balance()
  return distribution.result()
}

class Distribution {
  readonly #input: AssignorInput
  readonly #memberIds: readonly string[]
  readonly #topics: ReadonlyMap<Uuid, Topic>
  readonly #classes: readonly TopicClass[]
  readonly #owners: Int32Array
  readonly #loads: Int32Array
  /** By member: 1 where its partitions are other ones than before. */
  readonly #changed: Uint8Array

  constructor(input: AssignorInput) {
    this.#input = input
    this.#memberIds = [...input.members.keys()]
    this.#topics = topicsOf(input)
    this.#classes = classesOf(input, this.#topics)
    this.#owners = new Int32Array([...this.#topics.values()].reduce((sum, { count }) => sum + count, 0)).fill(NOBODY)
    this.#loads = new Int32Array(this.#memberIds.length)
    this.#changed = new Uint8Array(this.#memberIds.length)
  }

  keep(): void {
    const topicSets = new Map<readonly Uuid[], ReadonlySet<Uuid>>()
    let member = 0
    for (const { topicIds, assigned } of this.#input.members.values()) {
      const subscribed = topicSets.get(topicIds) ?? new Set(topicIds)
      topicSets.set(topicIds, subscribed)
      for (const [topicId, partitions] of assigned) {
        const topic = subscribed.has(topicId) ? this.#topics.get(topicId) : undefined
        for (const partition of partitions) if (!this.#keepOne(member, topic, partition)) this.#changed[member] = 1
      }
      member++
    }
  }

  assignOrphans(): void {
    for (const { subscribers, topics } of this.#classes) {
      let levels: LoadLevels | null = null
      for (const { first, count } of topics) {
        for (let partition = first; partition < first + count; partition++) {
          if (this.#owners[partition] !== NOBODY) continue
          levels ??= new LoadLevels(subscribers, this.#loads)
          this.#give(partition, levels.fillLeast())
        }
      }
    }
  }

  balance(): void {
    const shared = this.#classes.filter(({ subscribers }) => subscribers.length > 1)
    for (let round = 0; round < ROUNDS_MAX; round++) {
      let moves = 0
      for (const each of shared) moves += this.#balanceClass(each)
      // A single class is settled in one round.
      if (moves === 0 || this.#classes.length === 1) return
    }
  }

  result(): Map<string, TopicPartitions> {
    const drawn = Array.from(this.#changed, (changed) => (changed === 1 ? new Map<Uuid, Set<number>>() : null))
    for (const { id, first, count } of this.#topics.values()) {
      for (let partition = 0; partition < count; partition++) {
        const own = drawn[this.#owners[first + partition]!]
        if (own) addTo(own, id, partition)
      }
    }
    const result = new Map<string, TopicPartitions>()
    let member = 0
    for (const [id, { assigned }] of this.#input.members) result.set(id, drawn[member++] ?? assigned)
    return result
  }

  /** False when the member may not keep the partition: it is gone, not subscribed to, or another one has it. */
  #keepOne(member: number, topic: Topic | undefined, partition: number): boolean {
    if (topic === undefined || partition >= topic.count) return false
    if (this.#owners[topic.first + partition] !== NOBODY) return false
    this.#owners[topic.first + partition] = member
    this.#loads[member]!++
    return true
  }

  #give(partition: number, member: number): void {
    this.#owners[partition] = member
    this.#loads[member]!++
    this.#changed[member] = 1
  }

  #balanceClass({ subscribers, topics }: TopicClass): number {
    const levels = new LoadLevels(subscribers, this.#loads)
    if (levels.spread() <= 1) return 0
    const held = new HeldPartitions(topics, this.#owners, this.#memberIds.length)
    let moves = 0
    for (;;) {
      const giver = levels.mostWith((member) => held.countOf(member) > 0)
      if (giver === null || levels.spread() <= 1) return moves
      const partition = held.takeLast(giver)
      levels.takeFromMost()
      this.#loads[giver]!--
      this.#changed[giver] = 1
      this.#give(partition, levels.fillLeast())
      moves++
    }
  }
}

/** The partitions of a class by owner, ascending: one run of an array for each member, from which the last ones go. */
class HeldPartitions {
  readonly #partitions: Int32Array
  readonly #firsts: Int32Array
  readonly #ends: Int32Array

  constructor(topics: readonly Topic[], owners: Int32Array, memberCount: number) {
    const counts = new Int32Array(memberCount)
    for (const { first, count } of topics) {
      for (let partition = first; partition < first + count; partition++) counts[owners[partition]!]!++
    }
    this.#firsts = new Int32Array(memberCount)
    for (let member = 1; member < memberCount; member++) {
      this.#firsts[member] = this.#firsts[member - 1]! + counts[member - 1]!
    }
    this.#ends = this.#firsts.slice()
    this.#partitions = new Int32Array(topics.reduce((sum, { count }) => sum + count, 0))
    for (const { first, count } of topics) {
      for (let partition = first; partition < first + count; partition++) {
        this.#partitions[this.#ends[owners[partition]!]!++] = partition
      }
    }
  }

  countOf(member: number): number {
    return this.#ends[member]! - this.#firsts[member]!
  }

  takeLast(member: number): number {
    return this.#partitions[--this.#ends[member]!]!
  }
}

function topicsOf({ members, partitionCount }: AssignorInput): Map<Uuid, Topic> {
  const topics = new Map<Uuid, Topic>()
  let first = 0
  for (const topicIds of new Set(Array.from(members.values(), (member) => member.topicIds))) {
    for (const id of topicIds) {
      if (topics.has(id)) continue
      const count = partitionCount(id)
      topics.set(id, { id, first, count })
      first += count
    }
  }
  return topics
}

/** First those whose subscribers have most to take; of equal ones, those with fewer subscribers. */
function classesOf({ members }: AssignorInput, topics: ReadonlyMap<Uuid, Topic>): TopicClass[] {
  const alike = membersBySubscription(members)
  const subscriptionsOf = new Map<Uuid, number[]>(Array.from(topics.keys(), (id) => [id, []]))
  for (const [index, topicIds] of [...alike.keys()].entries()) {
    for (const id of topicIds) subscriptionsOf.get(id)!.push(index)
  }
  const subscribers = [...alike.values()]
  const classes = new Map<string, TopicClass>()
  for (const [id, subscriptions] of subscriptionsOf) {
    const key = subscriptions.join()
    const known = classes.get(key)
    const added = known ?? { subscribers: subscriptions.flatMap((index) => subscribers[index]!), topics: [] }
    if (known === undefined) classes.set(key, added)
    added.topics.push(topics.get(id)!)
  }
  return [...classes.values()].sort((left, right) => shareOf(right) - shareOf(left) || sizeOf(left) - sizeOf(right))
}

function membersBySubscription(members: AssignorInput['members']): Map<readonly Uuid[], number[]> {
  const alike = new Map<readonly Uuid[], number[]>()
  let member = 0
  for (const { topicIds } of members.values()) {
    const others = alike.get(topicIds)
    if (others === undefined) alike.set(topicIds, [member])
    else others.push(member)
    member++
  }
  return alike
}

function shareOf({ topics, subscribers }: TopicClass): number {
  return topics.reduce((sum, { count }) => sum + count, 0) / subscribers.length
}

function sizeOf({ subscribers }: TopicClass): number {
  return subscribers.length
}
