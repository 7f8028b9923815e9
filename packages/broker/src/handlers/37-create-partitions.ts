/** CreatePartitions: grows topics; the controller checks counts and assignments. Answers once the partitions are there. */
import type { CreatePartitions } from '@ottla/protocol/apis/37-create-partitions.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { duplicates, errorFields } from './admin-replies.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof CreatePartitions>
type Response = ResponseInputOf<typeof CreatePartitions>

export function createPartitions(parts: Pick<BrokerParts, 'controller'>): Handler<Request, Response> {
  return (context, request) => inOrder(grow(parts, context, request))
}

async function grow(
  parts: Pick<BrokerParts, 'controller'>,
  context: RequestContext,
  request: Request,
): Promise<Response> {
  const twice = duplicates(request.topics, ({ name }) => name)
  const topics = [...new Map(request.topics.map((topic) => [topic.name, topic])).values()]
  const refusals = new Map(topics.map(({ name }) => [name, refusal(context, name, twice)]))
  const accepted = topics.filter(({ name }) => refusals.get(name) === null)
  const commands = accepted.map(({ name, count, assignments }) => ({
    ...{ name, count },
    assignments: assignments?.map(({ brokerIds }) => brokerIds) ?? null,
  }))
  const outcomes = await parts.controller.createPartitions(commands, { validateOnly: request.validateOnly })
  const byName = new Map(accepted.map(({ name }, i) => [name, outcomes[i]!]))
  return { results: topics.map(({ name }) => ({ name, ...errorFields(refusals.get(name) ?? byName.get(name)) })) }
}

function refusal(context: RequestContext, name: string, twice: ReadonlySet<string>): ProtocolError | null {
  if (twice.has(name)) return new ProtocolError('INVALID_REQUEST', 'Duplicate topic name.')
  return context.authorize('alter', 'topic', name) ? null : new ProtocolError('TOPIC_AUTHORIZATION_FAILED')
}
