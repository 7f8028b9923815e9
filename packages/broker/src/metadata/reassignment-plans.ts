/**
 * Reassignments (KIP-455): partitions that get other replicas, and how that is taken back. Pure. Starting one only says who
 * comes and who goes; `elections.ts` ends it with whichever change brings the last of those who stay into the ISR.
 *
 * A second reassignment of a partition starts from the replicas that it had before the first: who was only coming and is
 * not wanted any more leaves at once, who is wanted still goes on where it is. (Kafka counts such a replica as one that
 * has always been there.)
 */
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { BrokerConfig } from '../config.ts'
import { PARTITION_BYTES_MAX, partitionBytesMax } from './documents.ts'
import { type Assignment, assignmentOf, changePartition, elrOf, type PartitionChange } from './elections.ts'
import { METADATA_FEATURE, metadataLevel, REASSIGNMENT_LEVEL } from './features.ts'
import { isReassigned, type MetadataImage, type PartitionImage, type TopicImage } from './image.ts'
import { badAssignment, checkManualAssignment } from './manual-assignment.ts'
import { electionRules, PartitionChanges } from './partition-sets.ts'
import { attempt, type Plan } from './plan.ts'

export interface AlterReassignments {
  /** Whether a partition may get more or fewer replicas than it has. */
  readonly allowsFactorChange: boolean
  readonly partitions: readonly WantedReplicas[]
}

export interface WantedReplicas {
  readonly topic: string
  readonly index: number
  /** In order of preference; null takes a reassignment back that is under way. */
  readonly replicas: readonly number[] | null
}

export interface AlteredReassignment {
  readonly topic: string
  readonly index: number
  /** Null: it is under way, has ended already, or is taken back. */
  readonly error: { readonly name: ErrorName; readonly message: string } | null
}

export interface RunningReassignment {
  readonly topic: string
  readonly index: number
  /** All that hold the partition now: who shall have it, in order of preference, then who goes. */
  readonly replicas: readonly number[]
  readonly adding: readonly number[]
  readonly removing: readonly number[]
}

/** Those of these partitions, or of all, that get other replicas at the moment; what does not exist does not. */
export function runningReassignments(
  image: MetadataImage,
  asked: readonly { readonly topic: string; readonly index: number }[] | null,
): RunningReassignment[] {
  const named = ({ topic, index }: { topic: string; index: number }) => {
    const partition = image.topicsByName.get(topic)?.partitions[index]
    return partition === undefined ? [] : [{ topic, partition }]
  }
  const all = asked?.flatMap(named) ?? Array.from(image.topicsByName.values(), ofTopic).flat()
  return all.flatMap(({ topic, partition }) =>
    isReassigned(partition) ? [{ topic, index: partition.index, ...assignmentOf(partition) }] : [],
  )
}

function ofTopic({ name: topic, partitions }: TopicImage) {
  return partitions.map((partition) => ({ topic, partition }))
}

/** Every partition that was named is answered, in order. */
export function planAlterReassignments(
  image: MetadataImage,
  { partitions, allowsFactorChange }: AlterReassignments,
  config: BrokerConfig,
): Plan<AlteredReassignment[]> | ProtocolError {
  if (metadataLevel(image.features) < REASSIGNMENT_LEVEL) return levelTooLow()
  const changes = new PartitionChanges(image)
  const rulesOf = electionRules(image, config)
  const alter = ({ topic: name, index, replicas }: WantedReplicas): void => {
    const topic = image.topicsByName.get(name)
    if (topic === undefined) throw unknown(`Unable to find a topic named ${name}.`)
    const partition = changes.get(topic.id, index)
    if (partition === undefined) throw unknown(`Unable to find partition ${name}:${index}.`)
    if (replicas !== null) {
      checkManualAssignment(image, replicas)
      if (!allowsFactorChange) checkFactor(partition, replicas)
    }
    const rules = rulesOf(topic)
    const assignment = replicas === null ? reverted(partition) : reassigned(partition, replicas)
    const isGivenUp = replicas === null && rules.unclean && !hasHolder(partition, assignment)
    const change = isGivenUp ? givenUp(partition, assignment) : { assignment: possible(partition, assignment) }
    const next = changePartition(partition, change, rules)
    if (next !== partition) changes.set(topic.id, fitting(next))
  }
  const success = partitions.map(({ topic, index, replicas }) => {
    const outcome = attempt(() => alter({ topic, index, replicas }))
    const error = outcome instanceof ProtocolError ? { name: outcome.error, message: outcome.message } : null
    return { topic, index, error }
  })
  return { sets: changes.sets(), success }
}

/** Versions of before would lose who comes and who goes when they write what they know of the partition. */
function levelTooLow(): ProtocolError {
  return new ProtocolError(
    'UNSUPPORTED_VERSION',
    `Cannot reassign partitions before the feature ${METADATA_FEATURE} is at level ${REASSIGNMENT_LEVEL}: raise it once no broker of an earlier version is left`,
  )
}

/** The replicas from before the reassignment, and none of those who were to come. */
function reverted(partition: PartitionImage): Assignment {
  if (!isReassigned(partition)) throw new ProtocolError('NO_REASSIGNMENT_IN_PROGRESS')
  return { replicas: original(partition), adding: [], removing: [] }
}

function reassigned(partition: PartitionImage, target: readonly number[]): Assignment {
  const before = original(partition)
  const removing = before.filter((id) => !target.includes(id)).toSorted(byId)
  const adding = target.filter((id) => !before.includes(id)).toSorted(byId)
  return { replicas: [...target, ...removing], adding, removing }
}

/** Who has the partition but for those who are only coming. */
function original(partition: PartitionImage): readonly number[] {
  const { replicas, adding } = assignmentOf(partition)
  return replicas.filter((id) => !adding.includes(id))
}

/** As many as it has, or shall have by the reassignment that is under way. */
function checkFactor(partition: PartitionImage, target: readonly number[]): void {
  const { replicas, removing } = assignmentOf(partition)
  const factor = replicas.length - removing.length
  if (target.length === factor) return
  throw new ProtocolError(
    'INVALID_REPLICATION_FACTOR',
    `The replication factor is changed from ${factor} to ${target.length}`,
  )
}

/** Somebody who has all that was acknowledged stays. */
function possible(partition: PartitionImage, assignment: Assignment): Assignment {
  if (hasHolder(partition, assignment)) return assignment
  const holders = holdersOf(partition)
  throw badAssignment(
    `Nobody who has all of the partition would stay a replica: only ${holders.join(', ')} ${holders.length === 1 ? 'has' : 'have'} it`,
  )
}

function hasHolder(partition: PartitionImage, { replicas }: Assignment): boolean {
  const holders = holdersOf(partition)
  return holders.length === 0 || holders.some((id) => replicas.includes(id))
}

function holdersOf(partition: PartitionImage): readonly number[] {
  return partition.isr.length > 0 ? partition.isr : elrOf(partition)
}

/**
 * A reassignment is taken back although only those who came have all, which the topic's settings allow: the first of those
 * of before leads, and nobody may later lead with what he lacks.
 */
function givenUp(partition: PartitionImage, assignment: Assignment): PartitionChange {
  const first = assignment.replicas[0]!
  return { assignment, isr: [first], lost: elrOf(partition).filter((id) => id !== first) }
}

function fitting(partition: PartitionImage): PartitionImage {
  if (partitionBytesMax(partition.replicas) <= PARTITION_BYTES_MAX) return partition
  throw badAssignment(`The partition would have too many replicas (${partition.replicas.length}) to be kept`)
}

function byId(a: number, b: number): number {
  return a - b
}

function unknown(message: string): ProtocolError {
  return new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION', message)
}
