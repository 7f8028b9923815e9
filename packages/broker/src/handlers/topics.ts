/** Names and ids of topics are resolved here once per request; everything behind is keyed by id. */
import type { ErrorName } from '@ottla/protocol/errors.ts'
import type { MetadataImage, TopicImage } from '../metadata/image.ts'
import type { RequestContext } from './context.ts'

/** The topic, or the error of one that is not there: by id where the version carries ids, else by name. */
export function resolveTopic(
  image: MetadataImage,
  topic: { readonly name: string; readonly topicId: string },
  byId: boolean,
): TopicImage | ErrorName {
  if (byId) return image.topicsById.get(topic.topicId) ?? 'UNKNOWN_TOPIC_ID'
  return image.topicsByName.get(topic.name) ?? 'UNKNOWN_TOPIC_OR_PARTITION'
}

/** The error of a topic that is not there; a name is no secret to those alone who may use it. */
export function missingTopic(
  context: RequestContext,
  asked: { readonly error: ErrorName; readonly name: string; readonly operation: 'read' | 'write' },
): ErrorName {
  const { error, name, operation } = asked
  const isNamed = error === 'UNKNOWN_TOPIC_OR_PARTITION'
  return isNamed && !context.authorize(operation, 'topic', name) ? 'TOPIC_AUTHORIZATION_FAILED' : error
}
