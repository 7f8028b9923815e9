/** IncrementalAlterConfigs: sets, removes, or changes lists in the settings of topics, brokers, groups, client metrics. */
import type { IncrementalAlterConfigs } from '@ottla/protocol/apis/44-incremental-alter-configs.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { changeConfigs } from './config-changes.ts'
import { type Handler, inOrder } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof IncrementalAlterConfigs>
type Response = ResponseInputOf<typeof IncrementalAlterConfigs>

export function incrementalAlterConfigs(
  parts: Pick<BrokerParts, 'brokerId' | 'controller'>,
): Handler<Request, Response> {
  return (context, { resources, validateOnly }) => {
    const changes = resources.map(({ resourceType, resourceName, configs }) => ({
      ...{ resourceType, resourceName },
      configs: configs.map(({ name, value, configOperation }) => ({ name, value, operation: configOperation })),
    }))
    const replies = changeConfigs(parts, context, { resources: changes, complete: false, validateOnly })
    return inOrder(replies.then((responses) => ({ throttleTimeMs: 0, responses })))
  }
}
