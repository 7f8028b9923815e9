/**
 * ListConfigResources (74): the names of all resources that have settings, whether or not any was set: every topic and
 * broker, and the groups and client-metrics subscriptions that have settings of their own. Version 0 knows the latter
 * alone. KIP-1142.
 */
import type { ListConfigResources } from '@ottla/protocol/apis/74-list-config-resources.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { configuredNames, type MetadataImage } from '../metadata/image.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { CONFIG_RESOURCE_TYPES, type ResourceKind, resourceKind } from './config-resources.ts'
import { answered, type Handler } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof ListConfigResources>
type Response = ResponseInputOf<typeof ListConfigResources>

const CLIENT_METRICS_TYPE = 16
/** From this version on clients say which types they want; none means all. */
const TYPES_FROM = 1

export function listConfigResources(parts: Pick<BrokerParts, 'image'>): Handler<Request, Response> {
  return (context, { resourceTypes }) => {
    if (!context.authorize('describeConfigs', 'cluster', CLUSTER_RESOURCE_NAME)) {
      throw new ProtocolError('CLUSTER_AUTHORIZATION_FAILED')
    }
    const image = parts.image()
    const configResources = wantedTypes(context.apiVersion, resourceTypes).flatMap((resourceType) =>
      namesOf(kindOf(resourceType), image).map((resourceName) => ({ resourceName, resourceType })),
    )
    return answered({ errorCode: 0, configResources })
  }
}

function wantedTypes(apiVersion: number, asked: readonly number[]): readonly number[] {
  if (apiVersion < TYPES_FROM) return [CLIENT_METRICS_TYPE]
  return asked.length === 0 ? CONFIG_RESOURCE_TYPES : [...new Set(asked)]
}

function kindOf(resourceType: number): ResourceKind {
  const kind = resourceKind(resourceType)
  if (kind === undefined) throw new ProtocolError('UNSUPPORTED_VERSION', `Unsupported resource type: ${resourceType}`)
  return kind
}

function namesOf(kind: ResourceKind, image: MetadataImage): string[] {
  switch (kind) {
    case 'topic':
      return [...image.topicsByName.keys()]
    case 'broker':
    case 'broker-logger':
      return Array.from(image.brokers.keys(), String)
    default:
      return configuredNames(image, kind)
  }
}
