/**
 * AlterConfigs, which IncrementalAlterConfigs replaced: what a resource is given here is all it has, settings that are
 * not named are removed.
 */
import type { AlterConfigs } from '@ottla/protocol/apis/33-alter-configs.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { changeConfigs, SET } from './config-changes.ts'
import { type Handler, inOrder } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof AlterConfigs>
type Response = ResponseInputOf<typeof AlterConfigs>

export function alterConfigs(parts: Pick<BrokerParts, 'brokerId' | 'controller'>): Handler<Request, Response> {
  return (context, { resources, validateOnly }) => {
    const changes = resources.map(({ resourceType, resourceName, configs }) => ({
      ...{ resourceType, resourceName },
      configs: configs.map(({ name, value }) => ({ name, value, operation: SET })),
    }))
    const replies = changeConfigs(parts, context, { resources: changes, complete: true, validateOnly })
    return inOrder(replies.then((responses) => ({ throttleTimeMs: 0, responses })))
  }
}
