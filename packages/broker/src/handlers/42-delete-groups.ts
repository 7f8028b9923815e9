/** DeleteGroups (42): empty groups with their offsets, each on its own. */
import type { DeleteGroups } from '@ottla/protocol/apis/42-delete-groups.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import { askPermitted } from './group-requests.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof DeleteGroups>
type Response = ResponseInputOf<typeof DeleteGroups>

export function deleteGroups(parts: Pick<BrokerParts, 'groups'>): Handler<Request, Response> {
  return (context, request) => inOrder(remove(parts, context, request))
}

/** A group that is named twice is answered once. */
async function remove(
  { groups }: Pick<BrokerParts, 'groups'>,
  context: RequestContext,
  { groupsNames }: Request,
): Promise<Response> {
  const outcomes = await askPermitted({ context, operation: 'delete' }, [...new Set(groupsNames)], (permitted) =>
    groups.delete(permitted),
  )
  return {
    results: outcomes.map(({ groupId, outcome }) =>
      outcome instanceof ProtocolError ? { groupId, errorCode: outcome.code } : outcome,
    ),
  }
}
