/** Groups as administrators see them: listed, described, deleted. */
import type { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import type { DeleteGroups } from '@ottla/protocol/apis/42-delete-groups.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode } from '@ottla/protocol/errors.ts'
import { answer, type Step, step, type Ticket, together } from '../machine.ts'
import { describeAbsentGroup } from './classic/absent-group.ts'
import type { DescribedGroup } from './classic/describe.ts'
import type { DescribedConsumerGroup } from './consumer/describe.ts'
import type { Group } from './group.ts'
import type { AnyGroup } from './groups.ts'
import type { GroupOffsets } from './offsets.ts'

export type ListFilters = RequestOf<typeof ListGroups>
export type ListedGroup = ResponseInputOf<typeof ListGroups>['groups'][number]
export type DeletedGroup = ResponseInputOf<typeof DeleteGroups>['results'][number]

/** An empty filter lets all pass; a state or type that there is not lets nothing pass. */
export function listGroups(groups: Iterable<Group>, { statesFilter, typesFilter }: ListFilters): ListedGroup[] {
  const states = new Set(statesFilter.map(folded))
  const types = new Set(typesFilter.map(folded))
  const isAsked = (group: Group) =>
    (states.size === 0 || states.has(folded(group.state()))) && (types.size === 0 || types.has(folded(group.kind)))
  return [...groups].filter(isAsked).map((group) => ({
    ...{ groupId: group.groupId, protocolType: group.protocolType ?? '' },
    ...{ groupState: group.state(), groupType: group.kind },
  }))
}

/** Of the classic protocol only. */
export function describeClassic(group: AnyGroup | undefined, groupId: string, apiVersion: number): DescribedGroup {
  if (group?.kind === 'classic') return group.describe()
  const absent = describeAbsentGroup(groupId, apiVersion)
  if (group === undefined || absent.errorMessage === undefined) return absent
  return { ...absent, errorMessage: `Group ${groupId} is not a classic group.` }
}

/** Of the consumer protocol only. */
export function describeConsumer(group: AnyGroup | undefined, groupId: string): DescribedConsumerGroup {
  if (group?.kind === 'consumer') return group.describe()
  const reason = group === undefined ? 'not found' : 'is not a consumer group'
  return {
    ...{ errorCode: errorCode('GROUP_ID_NOT_FOUND'), errorMessage: `Group ${groupId} ${reason}.`, groupId },
    ...{ groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [] },
  }
}

interface Doomed {
  readonly groups: ReadonlyMap<string, AnyGroup>
  readonly offsets: GroupOffsets
  /** What removes the group itself, and what ends with it. */
  readonly removal: (group: AnyGroup) => Step
}

/** Each group once, with all its offsets. */
export function deleteGroups(
  { groups, offsets, removal }: Doomed,
  groupIds: readonly string[],
  ticket: Ticket<DeletedGroup[]>,
): Step {
  const verdicts = [...new Set(groupIds)].map((groupId) => {
    const group = groups.get(groupId)
    return { groupId, group, error: deletionError(group) }
  })
  const reply = verdicts.map(({ groupId, error }) => ({ groupId, errorCode: errorCode(error ?? 'NONE') }))
  const removals = verdicts.flatMap(({ groupId, group, error }) =>
    group === undefined || error !== null ? [] : [step({ records: [...offsets.tombstones(groupId)] }), removal(group)],
  )
  return together(...removals, step({ answers: [answer(ticket, reply)] }))
}

function deletionError(group: Group | undefined): ErrorName | null {
  if (group === undefined || group.state() === 'Dead') return 'GROUP_ID_NOT_FOUND'
  return group.isEmpty() ? null : 'NON_EMPTY_GROUP'
}

/** As Kafka compares them. */
function folded(text: string): string {
  return text.trim().toLowerCase()
}
