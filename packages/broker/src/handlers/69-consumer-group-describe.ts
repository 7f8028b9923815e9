/**
 * ConsumerGroupDescribe (69): groups of the consumer protocol with their members and assignments. A group that is
 * assigned a topic which the client may not see is not shown at all.
 */
import type { ConsumerGroupDescribe } from '@ottla/protocol/apis/69-consumer-group-describe.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import { authorizedOperations } from './admin-replies.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import { askPermitted, refuse } from './group-requests.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof ConsumerGroupDescribe>
type Response = ResponseInputOf<typeof ConsumerGroupDescribe>
type DescribedGroup = Response['groups'][number]

const HIDDEN_TOPIC = 'The group has described topic(s) that the client is not authorized to describe.'

export function consumerGroupDescribe(parts: Pick<BrokerParts, 'groups'>): Handler<Request, Response> {
  return (context, request) =>
    inOrder(parts.groups.speaksConsumerProtocol ? describe(parts, context, request) : refuse('UNSUPPORTED_VERSION'))
}

async function describe(
  { groups }: Pick<BrokerParts, 'groups'>,
  context: RequestContext,
  { groupIds, includeAuthorizedOperations }: Request,
): Promise<Response> {
  const outcomes = await askPermitted({ context, operation: 'describe' }, groupIds, (permitted) =>
    groups.describeConsumers(permitted),
  )
  const described = outcomes.map(({ groupId, outcome }) =>
    outcome instanceof ProtocolError ? undescribedConsumers(groupId, outcome) : shown(context, outcome),
  )
  if (!includeAuthorizedOperations) return { groups: described }
  return { groups: described.map((group) => withOperations(context, group)) }
}

function shown(context: RequestContext, group: DescribedGroup): DescribedGroup {
  const topics = new Set(
    group.members.flatMap(({ assignment, targetAssignment }) =>
      [...assignment.topicPartitions, ...targetAssignment.topicPartitions].map(({ topicName }) => topicName),
    ),
  )
  for (const topic of topics) {
    if (context.authorize('describe', 'topic', topic)) continue
    return undescribedConsumers(group.groupId, new ProtocolError('TOPIC_AUTHORIZATION_FAILED', HIDDEN_TOPIC))
  }
  return group
}

function withOperations(context: RequestContext, group: DescribedGroup): DescribedGroup {
  if (group.errorCode !== errorCode('NONE')) return group
  return { ...group, authorizedOperations: authorizedOperations(context, 'group', group.groupId) }
}

export function undescribedConsumers(
  groupId: string,
  { code, message }: { readonly code: number; readonly message: string },
): DescribedGroup {
  return {
    ...{ errorCode: code, errorMessage: message, groupId, groupState: '', groupEpoch: 0, assignmentEpoch: 0 },
    ...{ assignorName: '', members: [] },
  }
}
