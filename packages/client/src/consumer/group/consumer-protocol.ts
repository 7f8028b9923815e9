/**
 * Owns what members of a classic group tell each other through the coordinator, in the bytes that Kafka's own clients
 * write: subscription, assignment, and the user data of the sticky assignor.
 */

import { Reader, Writer } from '@ottla/protocol/bytes.ts'
import { data } from '@ottla/protocol/codec.ts'
import { ConsumerProtocolAssignment, ConsumerProtocolSubscription } from '@ottla/protocol/embedded/consumer-protocol.ts'
import { array, int32, string } from '@ottla/protocol/types.ts'
import { decodeVersioned, encodeVersioned } from '@ottla/protocol/versioned.ts'
import { byTopic, fromTopics, type GroupPartition } from './membership.ts'

export const PROTOCOL_TYPE = 'consumer'

/** The newest version; readers of older ones skip what they do not know. */
const VERSION = 3

/** Written by the eager sticky assignor without a version: what the member had, since it owns nothing when it joins. */
const StickyUserData = data(
  'StickyUserData',
  { versions: [0, 0] },
  {
    previousAssignment: array({ topic: string, partitions: array(int32) }),
    generation: int32,
  },
)

export interface MemberSubscription {
  readonly topics: readonly string[]
  /** What the member has, or had when it last knew. */
  readonly owned: readonly GroupPartition[]
  /** Of the generation in which it was given those; −1 when unknown. */
  readonly generation: number
}

/** `eager` members own nothing when they join; what they had goes into the user data. */
export function encodeSubscription(subscription: MemberSubscription, options: { eager: boolean }): Buffer {
  const { topics, owned, generation } = subscription
  const previousAssignment = byTopic(owned)
  return encodeVersioned(ConsumerProtocolSubscription, VERSION, {
    topics,
    userData: options.eager ? encodeSticky({ previousAssignment, generation }) : null,
    ownedPartitions: options.eager ? [] : previousAssignment,
    generationId: options.eager ? -1 : generation,
  })
}

/** Throws DecodeError. User data that is not the sticky assignor's is some other client's own matter. */
export function decodeSubscription(bytes: Buffer): MemberSubscription {
  const { topics, userData, ownedPartitions, generationId } = decodeVersioned(ConsumerProtocolSubscription, bytes, {
    newer: 'clamped',
  })
  if (ownedPartitions.length > 0 || userData === null)
    return { topics, owned: fromTopics(ownedPartitions), generation: generationId }
  const sticky = decodeSticky(userData)
  return { topics, owned: fromTopics(sticky.previousAssignment), generation: sticky.generation }
}

export function encodeAssignment(partitions: readonly GroupPartition[]): Buffer {
  return encodeVersioned(ConsumerProtocolAssignment, VERSION, {
    assignedPartitions: byTopic(partitions),
    userData: null,
  })
}

/** No bytes at all are no partitions: a leader may leave a member out. Throws DecodeError. */
export function decodeAssignment(bytes: Buffer): GroupPartition[] {
  if (bytes.length === 0) return []
  return fromTopics(decodeVersioned(ConsumerProtocolAssignment, bytes, { newer: 'clamped' }).assignedPartitions)
}

type Sticky = { previousAssignment: { topic: string; partitions: number[] }[]; generation: number }

function encodeSticky(value: Sticky): Buffer {
  const writer = new Writer(256)
  StickyUserData.at(0).write(writer, value)
  return writer.toBuffer()
}

function decodeSticky(bytes: Buffer): Sticky {
  try {
    return StickyUserData.at(0).read(new Reader(bytes))
  } catch {
    return { previousAssignment: [], generation: -1 }
  }
}
