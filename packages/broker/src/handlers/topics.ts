/** Names and ids of topics are resolved here once per request; everything behind is keyed by id. */
import type { ErrorName } from '@ottla/protocol/errors.ts'
import type { MetadataImage, TopicImage } from '../metadata/image.ts'

/** The topic, or the error of one that is not there: by id where the version carries ids, else by name. */
export function resolveTopic(
  image: MetadataImage,
  topic: { readonly name: string; readonly topicId: string },
  byId: boolean,
): TopicImage | ErrorName {
  if (byId) return image.topicsById.get(topic.topicId) ?? 'UNKNOWN_TOPIC_ID'
  return image.topicsByName.get(topic.name) ?? 'UNKNOWN_TOPIC_OR_PARTITION'
}
