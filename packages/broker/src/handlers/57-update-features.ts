/**
 * UpdateFeatures: raises and lowers finalized feature levels, all of a request or none. Answers once this broker works
 * at them. Differs by version: 0 and 1 name each feature where all went well; a downgrade can be asked for from 1 on,
 * since Kafka's controller does not look at version 0's `allowDowngrade`.
 */
import type { UpdateFeatures } from '@ottla/protocol/apis/57-update-features.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import type { FeatureUpdate } from '../metadata/controller-client.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { errorFields } from './admin-replies.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof UpdateFeatures>
type Response = ResponseInputOf<typeof UpdateFeatures>

const DIRECTIONS: readonly FeatureUpdate['direction'][] = ['unknown', 'upgrade', 'safe downgrade', 'unsafe downgrade']
const NAMES_FEATURES_UNTIL = 1
/** Kafka's message is the error's name here, where others have none. */
const DONE = { errorCode: errorCode('NONE'), errorMessage: 'NONE' }

export function updateFeatures(parts: Pick<BrokerParts, 'controller'>): Handler<Request, Response> {
  return (context, request) => inOrder(update(parts, context, request))
}

async function update(
  parts: Pick<BrokerParts, 'controller'>,
  context: RequestContext,
  { featureUpdates, validateOnly }: Request,
): Promise<Response> {
  if (!context.authorize('alter', 'cluster', CLUSTER_RESOURCE_NAME)) {
    return errorFields(new ProtocolError('CLUSTER_AUTHORIZATION_FAILED'))
  }
  const updates = featureUpdates.map(({ feature, maxVersionLevel, upgradeType }) => ({
    ...{ name: feature, level: maxVersionLevel, direction: DIRECTIONS[upgradeType] ?? 'unknown' },
  }))
  const outcome = await parts.controller.updateFeatures(updates, { validateOnly })
  const isDone = !(outcome instanceof ProtocolError)
  const named = isDone && context.apiVersion <= NAMES_FEATURES_UNTIL ? featureUpdates : []
  return { ...errorFields(outcome), results: named.map(({ feature }) => ({ feature, ...DONE })) }
}
