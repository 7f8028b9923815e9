/**
 * What members of the classic protocol say and are told in bytes of their own (the embedded consumer protocol), where
 * topics go by name. Topics that do not exist are left out.
 */
import { DecodeError } from '@ottla/protocol/bytes.ts'
import { ConsumerProtocolAssignment, ConsumerProtocolSubscription } from '@ottla/protocol/embedded/consumer-protocol.ts'
import { decodeVersioned, encodeVersioned } from '@ottla/protocol/versioned.ts'
import type { MetadataImage, Uuid } from '../../../metadata/image.ts'
import { addTo, type TopicPartitions, toList } from '../assignors/topic-partitions.ts'

export interface ClassicSubscription {
  readonly topics: readonly string[]
  readonly rackId: string | null
  readonly owned: TopicPartitions
}

/** Null for bytes that are no subscription. */
export function readSubscription(metadata: Buffer, image: MetadataImage): ClassicSubscription | null {
  return readable(() => {
    const read = decodeVersioned(ConsumerProtocolSubscription, metadata, { newer: 'clamped' })
    return { topics: read.topics, rackId: read.rackId, owned: byId(read.ownedPartitions, image) }
  })
}

export interface ClassicAssignment {
  readonly assigned: TopicPartitions
  /** An assignor of the client's own has put something beside the partitions, which no coordinator understands. */
  readonly hasUserData: boolean
}

/** Null for bytes that are no assignment. None at all: nothing is assigned. */
export function readAssignment(assignment: Buffer, image: MetadataImage): ClassicAssignment | null {
  if (assignment.length === 0) return { assigned: new Map(), hasUserData: false }
  return readable(() => {
    const read = decodeVersioned(ConsumerProtocolAssignment, assignment, { newer: 'clamped' })
    return { assigned: byId(read.assignedPartitions, image), hasUserData: (read.userData?.length ?? 0) > 0 }
  })
}

/** In the version in which the member wrote its subscription. */
export function writeAssignment(assigned: TopicPartitions, metadata: Buffer, image: MetadataImage): Buffer {
  const assignedPartitions = toList(assigned).flatMap(({ topicId, partitions }) => {
    const topic = image.topicsById.get(topicId)?.name
    return topic === undefined ? [] : [{ topic, partitions }]
  })
  const [first, last] = ConsumerProtocolAssignment.versions
  const version = Math.max(first, Math.min(last, metadata.length < 2 ? first : metadata.readInt16BE(0)))
  return encodeVersioned(ConsumerProtocolAssignment, version, { assignedPartitions })
}

type ByName = readonly { readonly topic: string; readonly partitions: readonly number[] }[]

function byId(list: ByName, image: MetadataImage): TopicPartitions {
  const all = new Map<Uuid, Set<number>>()
  for (const { topic, partitions } of list) {
    const id = image.topicsByName.get(topic)?.id
    if (id !== undefined) for (const partition of partitions) addTo(all, id, partition)
  }
  return all
}

function readable<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof DecodeError) return null
    throw error
  }
}
