/**
 * The partitions of OffsetCommit and OffsetDelete: some are refused here, the others go on to the group's coordinator,
 * and the reply tells of all of them in the order of the request.
 */
import type { ErrorName } from '@ottla/protocol/errors.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import type { MetadataImage, TopicImage, Uuid } from '../metadata/image.ts'
import type { RequestContext } from './context.ts'

interface AskedTopic {
  readonly name: string
  readonly topicId?: string
  readonly partitions: readonly { readonly partitionIndex: number }[]
}

export interface CheckedTopic<Topic extends AskedTopic> {
  readonly asked: Topic
  /** Empty for an id that no topic has. */
  readonly name: string
  /** Undefined where there is no such topic. */
  readonly topicId: Uuid | undefined
  /** One for each partition that was asked; null: it goes on. */
  readonly errors: readonly (ErrorName | null)[]
}

/** `byId`: the version carries ids instead of names. Kafka's order: id, authorisation, existence. */
export function checkTopics<Topic extends AskedTopic>(
  { image, context, byId }: { image: MetadataImage; context: RequestContext; byId: boolean },
  topics: readonly Topic[],
): CheckedTopic<Topic>[] {
  return topics.map((asked) => {
    const topic = byId ? image.topicsById.get(asked.topicId ?? '') : image.topicsByName.get(asked.name)
    const name = topic?.name ?? (byId ? '' : asked.name)
    const error = topicError(context, { topic, name, byId })
    const errors = asked.partitions.map(({ partitionIndex }) => error ?? partitionError(topic, partitionIndex))
    return { asked, name, topicId: topic?.id, errors }
  })
}

function topicError(
  context: RequestContext,
  { topic, name, byId }: { topic: TopicImage | undefined; name: string; byId: boolean },
): ErrorName | null {
  if (topic === undefined && byId) return 'UNKNOWN_TOPIC_ID'
  return context.authorize('read', 'topic', name) ? null : 'TOPIC_AUTHORIZATION_FAILED'
}

function partitionError(topic: TopicImage | undefined, index: number): ErrorName | null {
  return topic?.partitions[index] === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : null
}

/**
 * What goes on, with names and ids: what is stored of a topic must not be taken for another's, made under its name later.
 * Topics of which nothing does are left out.
 */
export function permitted<Topic extends AskedTopic>(checked: readonly CheckedTopic<Topic>[]): Topic[] {
  return checked
    .map(({ asked, name, topicId, errors }) => ({
      ...asked,
      ...(topicId === undefined ? { name } : { name, topicId }),
      partitions: asked.partitions.filter((_, i) => errors[i] === null),
    }))
    .filter(({ partitions }) => partitions.length > 0)
}

/** `codes`: of what went on, in its order. A topic of which nothing was asked is not told of. */
export function merged<Topic extends AskedTopic>(checked: readonly CheckedTopic<Topic>[], codes: Iterable<number>) {
  const rest = Iterator.from(codes)
  const answered = checked.filter(({ asked }) => asked.partitions.length > 0)
  return answered.map(({ asked, errors }) => ({
    name: asked.name,
    ...(asked.topicId === undefined ? {} : { topicId: asked.topicId }),
    partitions: asked.partitions.map(({ partitionIndex }, i) => {
      const error = errors[i]
      return { partitionIndex, errorCode: error ? errorCode(error) : (rest.next().value ?? UNANSWERED) }
    }),
  }))
}

const UNANSWERED = errorCode('UNKNOWN_SERVER_ERROR')
