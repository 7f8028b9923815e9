/** DescribeGroups (15): groups of the classic protocol with their members. */
import type { DescribeGroups } from '@ottla/protocol/apis/15-describe-groups.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { authorizedOperations, OPERATIONS_NOT_ASKED } from './admin-replies.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import { askPermitted } from './group-requests.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof DescribeGroups>
type Response = ResponseInputOf<typeof DescribeGroups>
type DescribedGroup = Response['groups'][number]

/** From this version on an error has its message. */
const MESSAGE_FROM = 6

export function describeGroups(parts: Pick<BrokerParts, 'groups'>): Handler<Request, Response> {
  return (context, request) => inOrder(describe(parts, context, request))
}

async function describe(
  { groups }: Pick<BrokerParts, 'groups'>,
  context: RequestContext,
  { groups: groupIds, includeAuthorizedOperations }: Request,
): Promise<Response> {
  const outcomes = await askPermitted({ context, operation: 'describe' }, groupIds, (permitted) =>
    groups.describe(permitted, context.apiVersion),
  )
  const described = outcomes.map(({ groupId, outcome }) =>
    outcome instanceof ProtocolError ? undescribed(groupId, outcome, context.apiVersion) : outcome,
  )
  if (!includeAuthorizedOperations) return { groups: described }
  return { groups: described.map((group) => withOperations(context, group)) }
}

function withOperations(context: RequestContext, group: DescribedGroup): DescribedGroup {
  if (group.errorCode !== errorCode('NONE')) return group
  return { ...group, authorizedOperations: authorizedOperations(context, 'group', group.groupId) }
}

export function undescribed(
  groupId: string,
  { code, message }: { readonly code: number; readonly message: string },
  apiVersion: number,
): DescribedGroup {
  return {
    ...{ errorCode: code, groupId, groupState: '', protocolType: '', protocolData: '', members: [] },
    ...{ errorMessage: apiVersion >= MESSAGE_FROM ? message : null, authorizedOperations: OPERATIONS_NOT_ASKED },
  }
}
