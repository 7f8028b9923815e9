/**
 * CreateTopics: answers per topic, once the topics can be used on this broker (Kafka answers a little earlier). The
 * controller checks names, settings and placement; here are the checks that need the request or the client.
 */
import type { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import type { CreatedTopic, CreateTopic } from '../metadata/controller-client.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { duplicates, errorFields } from './admin-replies.ts'
import { topicEntries } from './config-entries.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof CreateTopics>
type Response = ResponseInputOf<typeof CreateTopics>
type TopicReply = NonNullable<Response['topics']>[number]

/** Kafka's own log of its metadata, which is no topic here either. */
const CLUSTER_METADATA_TOPIC = '__cluster_metadata'

export function createTopics(parts: Pick<BrokerParts, 'controller' | 'config'>): Handler<Request, Response> {
  return (context, request) => inOrder(create(parts, context, request))
}

async function create(
  parts: Pick<BrokerParts, 'controller' | 'config'>,
  context: RequestContext,
  request: Request,
): Promise<Response> {
  const twice = duplicates(request.topics, ({ name }) => name)
  const topics = [...new Map(request.topics.map((topic) => [topic.name, topic])).values()]
  const refusals = new Map(topics.map(({ name }) => [name, refusal(context, name, twice)]))
  const accepted = topics.filter(({ name }) => refusals.get(name) === null)
  const outcomes = await parts.controller.createTopics(accepted.map(commandOf), { validateOnly: request.validateOnly })
  const byName = new Map(accepted.map(({ name }, i) => [name, outcomes[i]!]))
  return {
    topics: topics.map(({ name }) => reply(parts, context, { name, outcome: refusals.get(name) ?? byName.get(name)! })),
  }
}

function refusal(context: RequestContext, name: string, twice: ReadonlySet<string>): ProtocolError | null {
  if (twice.has(name)) return new ProtocolError('INVALID_REQUEST', 'Duplicate topic name.')
  if (name === CLUSTER_METADATA_TOPIC) {
    return new ProtocolError('INVALID_REQUEST', `Creation of internal topic ${CLUSTER_METADATA_TOPIC} is prohibited.`)
  }
  const isAllowed =
    context.authorize('create', 'cluster', CLUSTER_RESOURCE_NAME) || context.authorize('create', 'topic', name)
  return isAllowed ? null : new ProtocolError('TOPIC_AUTHORIZATION_FAILED', 'Authorization failed.')
}

function commandOf(topic: Request['topics'][number]): CreateTopic {
  return {
    name: topic.name,
    partitionCount: topic.numPartitions,
    replicationFactor: topic.replicationFactor,
    assignments: topic.assignments.map(({ partitionIndex, brokerIds }) => ({
      index: partitionIndex,
      replicas: brokerIds,
    })),
    configs: topic.configs.map(({ name, value }) => ({ name, value })),
  }
}

function reply(
  parts: Pick<BrokerParts, 'config'>,
  context: RequestContext,
  { name, outcome }: { name: string; outcome: CreatedTopic | ProtocolError },
): TopicReply {
  if (outcome instanceof ProtocolError) return { name, ...errorFields(outcome), configs: [] }
  const created = { name, topicId: outcome.id, ...errorFields(null) }
  if (!context.authorize('describeConfigs', 'topic', name)) {
    return { ...created, topicConfigErrorCode: errorCode('TOPIC_AUTHORIZATION_FAILED'), configs: [] }
  }
  const configs = topicEntries(outcome.configs, parts.config()).map(({ key, value, source, readOnly }) => ({
    ...{ name: key.name, value, readOnly, configSource: source, isSensitive: key.sensitive },
  }))
  return { ...created, numPartitions: outcome.partitionCount, replicationFactor: outcome.replicationFactor, configs }
}
