/** The topics that a classic group of consumers reads, from the subscriptions that its members sent when they joined. */
import { DecodeError, Reader } from '@ottla/protocol/bytes.ts'
import { ConsumerProtocolSubscription } from '@ottla/protocol/embedded/consumer-protocol.ts'
import type { GroupState } from './group-state.ts'
import { metadataFor } from './member.ts'

/** The protocol type of groups whose members are consumers. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer'

/** Null when it cannot be told: another protocol type, none, or a subscription that cannot be read. */
export function subscribedTopicsOf(
  group: Pick<GroupState, 'protocolType' | 'protocol' | 'members'>,
): ReadonlySet<string> | null {
  if (group.protocolType !== CONSUMER_PROTOCOL_TYPE) return null
  const topics = new Set<string>()
  for (const member of group.members.all()) {
    const subscription = topicsIn(metadataFor(member, group.protocol))
    if (subscription === null) return null
    for (const topic of subscription) topics.add(topic)
  }
  return topics
}

/** Every version begins with version 0, which has the topics; what follows may be of a later one, or malformed. */
function topicsIn(metadata: Buffer | null): readonly string[] | null {
  if (metadata === null) return null
  try {
    const reader = new Reader(metadata)
    return reader.int16() < 0 ? null : ConsumerProtocolSubscription.at(0).read(reader).topics
  } catch (error) {
    if (error instanceof DecodeError) return null
    throw error
  }
}
