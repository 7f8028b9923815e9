/**
 * Which groups of a shard have to look at their topics again after a change of the image: an index by topic, so that a
 * change touches only the groups that it concerns. Soft state: it is built by the groups as records are applied.
 */
import type { MetadataImage } from '../../../metadata/image.ts'

/** A group, as seen from here. */
export interface TopicWatcher {
  /** A subscribed topic was created, deleted, or has other partitions. */
  topicsChanged(): void
}

export class TopicWatch {
  readonly #watchers = new Map<string, Set<TopicWatcher>>()
  #newTopicsVersion: number

  constructor(image: MetadataImage) {
    this.#newTopicsVersion = image.revision
  }

  /** The revision of the last image in which topics appeared: expressions resolved before it are to be looked at. */
  get newTopicsVersion(): number {
    return this.#newTopicsVersion
  }

  watch(topic: string, watcher: TopicWatcher): void {
    const watchers = this.#watchers.get(topic)
    if (watchers === undefined) this.#watchers.set(topic, new Set([watcher]))
    else watchers.add(watcher)
  }

  unwatch(topic: string, watcher: TopicWatcher): void {
    const watchers = this.#watchers.get(topic)
    watchers?.delete(watcher)
    if (watchers?.size === 0) this.#watchers.delete(topic)
  }

  imageChanged(image: MetadataImage, before: MetadataImage): void {
    if (image.topicsByName === before.topicsByName) return
    for (const [name, topic] of image.topicsByName) {
      const known = before.topicsByName.get(name)
      if (known === topic) continue
      if (known?.id !== topic.id) this.#newTopicsVersion = image.revision
      if (known?.id !== topic.id || known.partitions.length !== topic.partitions.length) this.#tell(name)
    }
    for (const name of before.topicsByName.keys()) if (!image.topicsByName.has(name)) this.#tell(name)
  }

  #tell(topic: string): void {
    for (const watcher of this.#watchers.get(topic) ?? []) watcher.topicsChanged()
  }
}
