/** What the handlers of group APIs share: who calls, and what became of each of several groups. */
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Caller } from '../coordinator/group/world.ts'
import type { GroupOutcome } from '../coordinator/group-coordinator.ts'
import type { AclOperation } from '../security/authorizer.ts'
import type { RequestContext } from './context.ts'

export function callerOf(context: RequestContext): Caller {
  const { clientId, clientAddress, apiVersion } = context
  return {
    ...{ clientId, clientHost: `/${clientAddress}`, apiVersion },
    mayDescribeTopic: (name) => context.authorize('describe', 'topic', name),
  }
}

/** Rejects where the request is to be answered as a whole: the list of what is served knows how. */
export function refuse(error: ErrorName): Promise<never> {
  return Promise.reject(new ProtocolError(error))
}

/** Asks about those groups that the client may see; what became of each, in the order of the request. */
export async function askPermitted<Reply>(
  { context, operation }: { context: RequestContext; operation: AclOperation },
  groupIds: readonly string[],
  ask: (permitted: readonly string[]) => Promise<GroupOutcome<Reply>[]>,
): Promise<GroupOutcome<Reply>[]> {
  const permitted = groupIds.filter((groupId) => context.authorize(operation, 'group', groupId))
  const outcomes = permitted.length === 0 ? [] : await ask(permitted)
  const byId = new Map(outcomes.map(({ groupId, outcome }) => [groupId, outcome]))
  return groupIds.map((groupId) => {
    const outcome = byId.get(groupId) ?? new ProtocolError('GROUP_AUTHORIZATION_FAILED')
    return { groupId, outcome }
  })
}
