/** When a group's epoch moves, and what of its topics it rests on. */
import type { GroupDraft } from './draft.ts'
import { metadataHashOf } from './metadata-hash.ts'
import type { Scope } from './scope.ts'

/** One epoch for all that has changed, and none where nothing has. */
export function bumpIfChanged({ soft, world }: Scope, draft: GroupDraft, hasChanged: boolean): void {
  if (!hasChanged && !soft.areTopicsStale) return
  const hash = metadataHashOf(draft.topicNames(), world.image())
  if (hasChanged || hash !== draft.state.metadataHash) draft.bumpGroupEpoch(hash)
  // The epoch's record does that when it is applied; it may be refused before.
  else soft.areTopicsStale = false
}

/** Expressions that nobody subscribes by any more are forgotten. */
export function dropUnusedRegexes(draft: GroupDraft, regexes: Iterable<string>): void {
  const used = draft.regexes()
  for (const regex of new Set(regexes)) {
    if (used.count(regex) === 0 && draft.state.resolved.has(regex)) draft.putRegex(regex, null)
  }
}
