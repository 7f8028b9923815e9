/**
 * What ConsumerGroupHeartbeat does where there is no consumer group of its id: the first member makes one, also in the
 * place of an empty group of the other kind, or of one whose members are consumers too, which is converted online
 * (KIP-848). Who comes with an epoch comes to a group that is not there.
 */
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { answerError, type Step, step } from '../../machine.ts'
import type { ClassicGroup } from '../classic/classic-group.ts'
import { ConsumerGroup, type ConsumerGroupParts } from './consumer-group.ts'
import type { HeartbeatEvent } from './heartbeat.ts'
import { heartbeatProblem } from './heartbeat-request.ts'
import { upgrade } from './upgrade.ts'

export interface HeartbeatOfAbsentGroup {
  /** To be kept once a record of the step is applied to it; null: nothing was made. */
  readonly group: ConsumerGroup | null
  readonly step: Step
}

/** `present`: the classic group that has the id, if there is one. */
export function heartbeatAbsentGroup(
  parts: ConsumerGroupParts,
  { event, present }: { readonly event: HeartbeatEvent; readonly present: ClassicGroup | null },
  nowMs: number,
): HeartbeatOfAbsentGroup {
  const { request, caller, ticket } = event
  const { consumerAssignors: assignors } = parts.world.settings(parts.groupId)
  const problem = heartbeatProblem(request, { apiVersion: caller.apiVersion, assignors }) ?? absence(event, present)
  if (problem !== null) return { group: null, step: refusal(event, problem) }
  if (present !== null && !present.isEmpty()) return upgradeOrRefuse(parts, { event, present }, nowMs)
  const group = ConsumerGroup.empty(parts)
  const joined = group.heartbeat(request, caller, ticket, nowMs)
  if (joined.records.length === 0) return { group: null, step: joined }
  const records = [...(present?.tombstones() ?? []), ...joined.records]
  return { group, step: { ...joined, records } }
}

function upgradeOrRefuse(
  parts: ConsumerGroupParts,
  { event, present }: { event: HeartbeatEvent; present: ClassicGroup },
  nowMs: number,
): HeartbeatOfAbsentGroup {
  try {
    return upgrade(parts, { event, present }, nowMs)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return { group: null, step: refusal(event, error) }
  }
}

function absence({ request }: HeartbeatEvent, present: ClassicGroup | null): ProtocolError | null {
  if (request.memberEpoch === 0) return null
  const { groupId } = request
  const message =
    present === null ? `Consumer group ${groupId} not found.` : `Group ${groupId} is not a consumer group.`
  return new ProtocolError('GROUP_ID_NOT_FOUND' satisfies ErrorName, message)
}

function refusal({ ticket }: HeartbeatEvent, error: ProtocolError): Step {
  return step({ answers: [answerError(ticket, error)] })
}
