/**
 * What has become other between two images, found once for all who have to know: each of a coordinator's fifty shards
 * would else go through all topics of the cluster at every change of one. Pure.
 */
import type { MetadataImage, TopicImage } from './image.ts'

export interface TopicChange {
  readonly name: string
  /** Undefined: there was none of that name. */
  readonly before: TopicImage | undefined
  /** Undefined: there is none any more. Another id: it was deleted, and made again. */
  readonly after: TopicImage | undefined
}

export interface ImageChange {
  readonly before: MetadataImage
  readonly image: MetadataImage
  readonly topics: readonly TopicChange[]
}

export function imageChange(before: MetadataImage, image: MetadataImage): ImageChange {
  return { before, image, topics: topicChanges(before.topicsByName, image.topicsByName) }
}

type TopicsByName = MetadataImage['topicsByName']

/** Images of neighbouring revisions share what did not change. */
function topicChanges(known: TopicsByName, now: TopicsByName): TopicChange[] {
  if (known === now) return []
  const changes: TopicChange[] = []
  for (const [name, after] of now) {
    const before = known.get(name)
    if (before !== after) changes.push({ name, before, after })
  }
  for (const [name, before] of known) if (!now.has(name)) changes.push({ name, before, after: undefined })
  return changes
}
