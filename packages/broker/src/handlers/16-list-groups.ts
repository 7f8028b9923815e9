/**
 * ListGroups (16): the groups that this broker coordinates. Who may describe the cluster sees all of them, others those
 * that they may describe.
 */
import type { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof ListGroups>
type Response = ResponseInputOf<typeof ListGroups>

export function listGroups(parts: Pick<BrokerParts, 'groups'>): Handler<Request, Response> {
  return (context, request) => inOrder(list(parts, context, request))
}

async function list(parts: Pick<BrokerParts, 'groups'>, context: RequestContext, request: Request): Promise<Response> {
  const all = await parts.groups.list(request)
  const seesAll = context.authorize('describe', 'cluster', CLUSTER_RESOURCE_NAME)
  const groups = seesAll ? all : all.filter(({ groupId }) => context.authorize('describe', 'group', groupId))
  return { errorCode: errorCode('NONE'), groups }
}
