/**
 * DescribeConfigs: the effective settings of topics, this broker, all brokers (""), groups and client metrics, each with
 * its source. Documentation is our own and loaded when asked for; keys without meaning here have none.
 */
import type { DescribeConfigs } from '@ottla/protocol/apis/32-describe-configs.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import type { ConfigType } from '../config.ts'
import { dynamicConfig } from '../metadata/image.ts'
import { topicNameProblem } from '../metadata/topic-names.ts'
import { errorFields } from './admin-replies.ts'
import {
  brokerEntries,
  type ConfigEntry,
  clientMetricsEntries,
  clusterEntries,
  groupEntries,
  topicEntries,
} from './config-entries.ts'
import { type ResourceKind, resourceKind, unauthorized, wrongBroker } from './config-resources.ts'
import { answered, type Handler, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof DescribeConfigs>
type Response = ResponseInputOf<typeof DescribeConfigs>
type Resource = Request['resources'][number]
type Result = NonNullable<Response['results']>[number]
type Documentation = (kind: ResourceKind, name: string) => string | null

type Parts = Pick<BrokerParts, 'brokerId' | 'config' | 'image'>

const TYPE_CODE: { readonly [T in ConfigType]: number } = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
}

export function describeConfigs(parts: Parts): Handler<Request, Response> {
  return (context, request) => {
    const unknown = request.resources.find(({ resourceType }) => resourceKind(resourceType) === undefined)
    const describe = (documentation: Documentation): Response => ({
      throttleTimeMs: 0,
      results: request.resources.map((resource) =>
        unknown === undefined
          ? describeResource(parts, context, { request, resource, documentation })
          : failed(resource, invalid(`Unexpected resource type ${unknown.resourceType}`)),
      ),
    })
    if (!request.includeDocumentation) return answered(describe(() => null))
    const loading = import('../config/documentation.ts')
    return { ordered: null, reply: loading.then((module) => describe(module.documentationOf)) }
  }
}

function describeResource(
  parts: Parts,
  context: RequestContext,
  asked: { request: Request; resource: Resource; documentation: Documentation },
): Result {
  const { request, resource, documentation } = asked
  const kind = resourceKind(resource.resourceType)!
  const denied = unauthorized(context, 'describeConfigs', { kind, name: resource.resourceName })
  const entries = denied ?? ENTRIES_OF[kind](parts, resource.resourceName)
  if (entries instanceof ProtocolError) return failed(resource, entries)
  const keys = resource.configurationKeys ?? []
  const wanted = keys.length === 0 ? entries : entries.filter(({ key }) => keys.includes(key.name))
  return {
    // Kafka says "" here and null in all other replies that went well.
    ...{ errorCode: errorCode('NONE'), errorMessage: '' },
    ...{ resourceType: resource.resourceType, resourceName: resource.resourceName },
    configs: wanted.map((entry) => configReply(entry, { request, documentation: documentation(kind, entry.key.name) })),
  }
}

const ENTRIES_OF: {
  readonly [K in ResourceKind]: (parts: Parts, name: string) => ConfigEntry[] | ProtocolError
} = {
  topic(parts, name) {
    const problem = topicNameProblem(name)
    if (problem !== null) return new ProtocolError('INVALID_TOPIC_EXCEPTION', problem)
    const topic = parts.image().topicsByName.get(name)
    return topic === undefined
      ? new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION')
      : topicEntries(topic.configs, parts.config())
  },
  broker(parts, name) {
    if (name === '') return clusterEntries(dynamicConfig(parts.image(), 'broker', '').values)
    return wrongBroker(name, parts.brokerId) ?? brokerEntries(parts.config())
  },
  'broker-logger': (parts, name) => {
    if (name === '') return invalid('Broker id must not be empty')
    return wrongBroker(name, parts.brokerId) ?? []
  },
  group(parts, name) {
    if (name === '') return invalid('Group name must not be empty')
    return groupEntries(dynamicConfig(parts.image(), 'group', name).values, parts.config())
  },
  'client-metrics': (parts, name) => {
    if (name === '') return invalid('Client metrics subscription name must not be empty')
    return clientMetricsEntries(dynamicConfig(parts.image(), 'client-metrics', name).values)
  },
}

function configReply(
  entry: ConfigEntry,
  asked: { request: Request; documentation: string | null },
): Result['configs'][number] {
  const { key, value, source, readOnly, settings } = entry
  const shown = (text: string) => (key.sensitive ? null : text)
  return {
    ...{ name: key.name, value, readOnly, configSource: source, isSensitive: key.sensitive },
    synonyms: asked.request.includeSynonyms
      ? settings.map((setting) => ({ name: setting.name, value: shown(setting.value), source: setting.source }))
      : [],
    ...{ configType: TYPE_CODE[key.type], documentation: asked.documentation },
  }
}

function failed({ resourceType, resourceName }: Resource, error: ProtocolError): Result {
  return { ...errorFields(error), resourceType, resourceName, configs: [] }
}

function invalid(message: string): ProtocolError {
  return new ProtocolError('INVALID_REQUEST', message)
}
