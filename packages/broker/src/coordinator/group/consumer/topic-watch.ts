/**
 * Which groups of a shard have to look at their topics again after a change of the image: an index by topic, so that a
 * change touches only the groups that it concerns. Soft state: it is built by the groups as records are applied.
 */
import type { MetadataImage } from '../../../metadata/image.ts'
import type { ImageChange } from '../../../metadata/image-change.ts'

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

  imageChanged({ image, topics }: ImageChange): void {
    for (const { name, before, after } of topics) {
      if (after !== undefined && before?.id !== after.id) this.#newTopicsVersion = image.revision
      if (before?.id !== after?.id || before?.partitions.length !== after?.partitions.length) this.#tell(name)
    }
  }

  #tell(topic: string): void {
    for (const watcher of this.#watchers.get(topic) ?? []) watcher.topicsChanged()
  }
}
