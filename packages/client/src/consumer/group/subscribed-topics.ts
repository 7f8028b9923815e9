/**
 * Owns which topics a member's subscription means at the moment: names that exist, or all names that fit a pattern, with
 * their partition counts and ids. What does not exist yet is looked for again.
 */

import { ProtocolError } from '@ottla/protocol/errors.ts'
import { listTopics } from '../../admin/topics.ts'
import type { Client } from '../../client.ts'
import type { TopicMetadata } from '../../metadata.ts'
import type { PartitionCounts } from './assignor.ts'
import type { Subscription } from './membership.ts'

/** Between two looks for topics that are new, or fit the pattern now, in ms. */
const LOOK_INTERVAL_MS = 5_000

export class SubscribedTopics {
  readonly #client: Client
  readonly #pattern: RegExp | null
  #lookedMs = Number.NEGATIVE_INFINITY
  #names: readonly string[]

  /** Throws SyntaxError for a pattern that is none. */
  constructor(client: Client, subscription: Subscription) {
    this.#client = client
    this.#pattern = 'pattern' in subscription ? new RegExp(`^(?:${subscription.pattern})$`, 'u') : null
    this.#names = 'topics' in subscription ? [...new Set(subscription.topics)] : []
  }

  /** As they were when last looked for. */
  get names(): readonly string[] {
    return this.#names
  }

  /**
   * Looks again where some time has passed: for names that fit the pattern now, and for topics that did not exist, those
   * of `also` among them.
   */
  async look(options: { now?: boolean; also?: readonly string[]; signal: AbortSignal }): Promise<void> {
    const nowMs = this.#client.ports.clock.monotonicMs()
    if (options.now !== true && nowMs - this.#lookedMs < LOOK_INTERVAL_MS) return
    this.#lookedMs = nowMs
    const { signal } = options
    if (this.#pattern !== null) {
      const all = await listTopics(this.#client, { signal })
      this.#names = all
        .filter(({ name, isInternal }) => !isInternal && this.#pattern!.test(name))
        .map(({ name }) => name)
    }
    await this.learn([...this.#names, ...(options.also ?? [])], { signal })
  }

  /** Makes the client follow these topics; those that do not exist are let be. */
  async learn(names: readonly string[], abort: { signal: AbortSignal }): Promise<void> {
    for (const name of names) {
      if (this.#find(name) !== undefined) continue
      try {
        await this.#client.metadata.find(name, { timeoutMs: 0, autoCreate: false, ...abort })
      } catch (error) {
        const isMissing =
          error instanceof ProtocolError && (error.retriable || error.error === 'INVALID_TOPIC_EXCEPTION')
        if (!isMissing) throw error
      }
    }
  }

  /** Of those that exist, as the client knows them. */
  counts(names: Iterable<string>): PartitionCounts {
    const counts = new Map<string, number>()
    for (const name of names) {
      const topic = this.#find(name)
      if (topic !== undefined) counts.set(name, topic.partitions.length)
    }
    return counts
  }

  /** The topic's name by its id. A broker's pattern may fit where ours did not look yet, so all topics are asked for. */
  async nameOf(topicId: string, abort: { signal: AbortSignal }): Promise<string | null> {
    const known = this.#names.find((name) => this.#find(name)?.topicId === topicId)
    if (known !== undefined) return known
    const all = await listTopics(this.#client, abort)
    const found = all.find((topic) => topic.topicId === topicId)
    if (found === undefined) return null
    await this.learn([found.name], abort)
    if (!this.#names.includes(found.name)) this.#names = [...this.#names, found.name]
    return found.name
  }

  #find(name: string): TopicMetadata | undefined {
    const topic = this.#client.metadata.topic(name)
    return topic !== undefined && topic.error === 'NONE' && topic.partitions.length > 0 ? topic : undefined
  }
}
