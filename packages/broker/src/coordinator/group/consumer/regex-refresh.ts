/** When a group's regular expressions are resolved, and what their resolution makes of the group. */

import type { MetadataImage } from '../../../metadata/image.ts'
import { type BackgroundWork, type Step, step } from '../../machine.ts'
import type { Caller } from '../world.ts'
import { GroupDraft } from './draft.ts'
import type { ResolvedRegex } from './group-state.ts'
import { metadataHashOf } from './metadata-hash.ts'
import { type Matches, matchTopics } from './regex.ts'
import type { Scope } from './scope.ts'

/** A group's expressions are not resolved more often than this, whoever asks. */
const REFRESH_MS_MIN = 10_000

/** All of the group's expressions together, so that they make one rebalance; at most one resolution at a time. */
export function refreshRegexes(scope: Scope, draft: GroupDraft, caller: Caller, nowMs: number): BackgroundWork[] {
  const { state, soft, world, groupId } = scope
  if (soft.isResolving || (state.regexes.size === 0 && draft.records.length === 0)) return []
  const regexes = draft.records.length === 0 ? state.regexes : draft.regexes()
  const resolved = Array.from(regexes.keys(), (regex) => draft.resolved(regex))
  if (!isDue(scope, resolved, nowMs)) return []
  const image = world.image()
  const all = [...regexes.keys()]
  return [
    {
      key: JSON.stringify(['consumer', groupId, 'regex']),
      *run() {
        // Only now: had the heartbeat's records been refused, this would not have come to run.
        soft.isResolving = true
        const matches = yield* matchTopics({ regexes: all, image, caller })
        return (endMs) => {
          soft.isResolving = false
          return regexesResolved(scope, { matches, image }, endMs)
        }
      },
    },
  ]
}

function isDue({ watch, settings }: Scope, all: readonly (ResolvedRegex | undefined)[], nowMs: number): boolean {
  if (all.length === 0) return false
  const resolved = all.filter((each) => each !== undefined)
  const lastMs = resolved.reduce((max, { timestampMs }) => Math.max(max, timestampMs), Number.NEGATIVE_INFINITY)
  if (nowMs <= lastMs + REFRESH_MS_MIN) return false
  const isIncomplete = resolved.length < all.length
  const isOld = nowMs > lastMs + settings().consumerRegexRefreshMs
  return isIncomplete || isOld || resolved.some(({ version }) => version < watch.newTopicsVersion)
}

function regexesResolved(
  { state, world }: Scope,
  { matches, image }: { matches: Matches; image: MetadataImage },
  nowMs: number,
): Step {
  const draft = new GroupDraft(state)
  let hasChanged = false
  for (const [regex, topics] of matches) {
    // Its last subscriber has gone meanwhile.
    if (state.regexes.count(regex) === 0) continue
    const before = state.resolved.get(regex)?.topics
    hasChanged ||= before === undefined ? topics.size > 0 : topics.symmetricDifference(before).size > 0
    draft.putRegex(regex, { topics, version: image.revision, timestampMs: nowMs })
  }
  if (draft.records.length === 0) return step()
  const hash = metadataHashOf(draft.topicNames(), world.image())
  if (hasChanged || hash !== state.metadataHash) draft.bumpGroupEpoch(hash)
  return step({ records: draft.records })
}
