/** Computes the target assignment of a drafted group, with the assignor that most members ask for. */
import { assert } from '@ottla/base/assert.ts'
import type { MetadataImage, Uuid } from '../../../metadata/image.ts'
import type { AssignorInput, SubscribedMember } from '../assignors/assignor.ts'
import { assignorNamed } from '../assignors/assignors.ts'
import { areSame } from '../assignors/topic-partitions.ts'
import type { GroupDraft } from './draft.ts'
import type { Subscription } from './member.ts'

/** Assignors by preference. */
export function preferredAssignor(votes: { most(): string | null }, assignors: readonly string[]): string {
  const voted = votes.most()
  if (voted !== null && assignors.includes(voted)) return voted
  assert(assignors.length > 0, 'There is an assignor')
  return assignors[0]!
}

/** Only what has changed is written, and the epoch last: a target is whole when its epoch is there. */
export function updateTarget(draft: GroupDraft, image: MetadataImage, assignors: readonly string[]): void {
  const assign = assignorNamed(preferredAssignor(draft.assignorVotes(), assignors))
  assert(assign !== undefined, 'Configured assignors are known')
  for (const [memberId, assigned] of assign(assignorInput(draft, image))) {
    if (!areSame(assigned, draft.targetOf(memberId))) draft.putTarget(memberId, assigned)
  }
  draft.finishTarget()
}

function assignorInput(draft: GroupDraft, image: MetadataImage): AssignorInput {
  const topicIds = new Map<Subscription, readonly Uuid[]>()
  const members = new Map<string, SubscribedMember>()
  for (const { memberId, instanceId, subscription } of draft.members()) {
    let ids = topicIds.get(subscription)
    if (ids === undefined) {
      // Members in the state share equal subscriptions; those of the draft may bring their own.
      const shared = draft.state.interned(subscription)
      ids = topicIds.get(shared) ?? subscribedTopicIds(draft, image, shared)
      topicIds.set(shared, ids).set(subscription, ids)
    }
    members.set(memberId, { instanceId, topicIds: ids, assigned: draft.targetOf(memberId) })
  }
  return { members, partitionCount: (topicId) => image.topicsById.get(topicId)!.partitions.length }
}

/** Of the topics that exist. An expression that was not resolved yet matches nothing. */
function subscribedTopicIds(draft: GroupDraft, image: MetadataImage, { names, regex }: Subscription): readonly Uuid[] {
  const matched = regex === '' ? undefined : draft.resolved(regex)?.topics
  const all = matched === undefined ? names : new Set([...names, ...matched])
  const ids: Uuid[] = []
  for (const name of all) {
    const topic = image.topicsByName.get(name)
    if (topic !== undefined) ids.push(topic.id)
  }
  return ids.sort()
}

export function isSubscribed(
  { draft, image }: { draft: GroupDraft; image: MetadataImage },
  { names, regex }: Subscription,
  topicId: Uuid,
): boolean {
  const name = image.topicsById.get(topicId)?.name
  if (name === undefined) return false
  return names.includes(name) || (regex !== '' && draft.resolved(regex)?.topics.has(name) === true)
}
