/** A static member that comes back takes the place, the target and the partitions of the one that had left (KIP-345). */
import type { GroupDraft } from './draft.ts'
import type { Member } from './member.ts'

/** The same member under a new id, in epoch 0: it is told all of its assignment again. */
export function replaceStaticMember(draft: GroupDraft, holder: Member, memberId: string): Member {
  const target = draft.targetOf(holder.memberId)
  const member = { ...holder, memberId, epoch: 0, previousEpoch: 0 }
  draft.remove(holder)
  draft.putMetadata(member)
  draft.putTarget(memberId, target)
  draft.putAssignment(member)
  return member
}
