/**
 * DeleteTopics: by name, or by name or id from version 6 on. Internal topics can be deleted. Answers once the topics are
 * gone from this broker's metadata, in the order of the request (Kafka shuffles); their files go later.
 */
import type { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { type MetadataImage, type TopicImage, type Uuid, ZERO_UUID } from '../metadata/image.ts'
import { errorFields } from './admin-replies.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof DeleteTopics>
type Response = ResponseInputOf<typeof DeleteTopics>

interface Target {
  readonly name: string | null
  readonly topicId: Uuid
}

interface Verdict {
  /** As the reply names it. */
  readonly shown: Target
  readonly outcome: TopicImage | ProtocolError
}

export function deleteTopics(parts: Pick<BrokerParts, 'controller' | 'config' | 'image'>): Handler<Request, Response> {
  return (context, request) => inOrder(remove(parts, context, request))
}

async function remove(
  parts: Pick<BrokerParts, 'controller' | 'config' | 'image'>,
  context: RequestContext,
  request: Request,
): Promise<Response> {
  const targets =
    context.apiVersion >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
  const verdicts = parts.config().deleteTopics
    ? judge(parts.image(), context, targets)
    : targets.map((shown) => ({ shown, outcome: deletionDisabled(context) }))
  const doomed = verdicts
    .map(({ outcome }) => outcome)
    .filter((outcome): outcome is TopicImage => !(outcome instanceof ProtocolError))
  const outcomes = await parts.controller.deleteTopics(doomed.map(({ id }) => id))
  const byId = new Map(doomed.map(({ id }, i) => [id, outcomes[i]!]))
  return {
    responses: verdicts.map(({ shown, outcome }) => ({
      ...{ name: shown.name, topicId: shown.topicId },
      ...errorFields(outcome instanceof ProtocolError ? outcome : byId.get(outcome.id)),
    })),
  }
}

function deletionDisabled({ apiVersion }: RequestContext): ProtocolError {
  return apiVersion >= 3
    ? new ProtocolError('TOPIC_DELETION_DISABLED')
    : new ProtocolError('INVALID_REQUEST', 'Topic deletion is disabled.')
}

/** One verdict for each topic, also for one that the request names more than once. */
function judge(image: MetadataImage, context: RequestContext, targets: readonly Target[]): Verdict[] {
  const groups = Map.groupBy(targets, (target) => identity(image, target))
  return [...groups.values()].flatMap((same): Verdict[] => {
    const malformed = same.filter(isMalformed)
    if (malformed.length > 0) return malformed.map((shown) => ({ shown, outcome: malformedError(shown) }))
    const target = same[0]!
    if (same.length === 1) return [judgeOne(image, context, target)]
    const shown = {
      name: same.find(({ name }) => name !== null)?.name ?? null,
      topicId: same.find(({ topicId }) => topicId !== ZERO_UUID)?.topicId ?? ZERO_UUID,
    }
    return [{ shown, outcome: new ProtocolError('INVALID_REQUEST', 'The topic is named more than once.') }]
  })
}

function identity(image: MetadataImage, target: Target): string {
  if (isMalformed(target)) return `malformed ${target.name} ${target.topicId}`
  const id = target.name === null ? target.topicId : image.topicsByName.get(target.name)?.id
  return id === undefined ? `name ${target.name}` : `id ${id}`
}

const isMalformed = ({ name, topicId }: Target): boolean => (name === null) === (topicId === ZERO_UUID)

function malformedError({ name }: Target): ProtocolError {
  const message =
    name === null ? 'Neither topic name nor id were specified.' : 'You may not specify both topic name and topic id.'
  return new ProtocolError('INVALID_REQUEST', message)
}

function judgeOne(image: MetadataImage, context: RequestContext, target: Target): Verdict {
  return target.name === null
    ? judgeId(image, context, target)
    : judgeName(image, context, { ...target, name: target.name })
}

function judgeId(image: MetadataImage, context: RequestContext, shown: Target): Verdict {
  const topic = image.topicsById.get(shown.topicId)
  if (topic === undefined) return { shown, outcome: new ProtocolError('UNKNOWN_TOPIC_ID') }
  // An id tells nothing about the topic; its name is for those only who may see it.
  const named = context.authorize('describe', 'topic', topic.name) ? { ...shown, name: topic.name } : shown
  if (context.authorize('delete', 'topic', topic.name)) return { shown: named, outcome: topic }
  return { shown: named, outcome: new ProtocolError('TOPIC_AUTHORIZATION_FAILED') }
}

function judgeName(image: MetadataImage, context: RequestContext, shown: Target & { name: string }): Verdict {
  if (!context.authorize('delete', 'topic', shown.name)) {
    return { shown, outcome: new ProtocolError('TOPIC_AUTHORIZATION_FAILED') }
  }
  const topic = image.topicsByName.get(shown.name)
  if (topic === undefined) return { shown, outcome: new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION') }
  return { shown: { name: topic.name, topicId: topic.id }, outcome: topic }
}
