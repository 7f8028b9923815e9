/**
 * The internal topic of a coordinator: made by whoever needs it first, once for all who ask meanwhile. Owns the making
 * that is under way.
 */
import type { Logger } from '@ottla/base/logger.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { BrokerConfig } from '../config.ts'
import type { ControllerClient } from '../metadata/controller-client.ts'
import type { MetadataImage, TopicImage } from '../metadata/image.ts'
import { automaticTopic } from '../metadata/internal-topics.ts'

export interface InternalTopicOptions {
  readonly name: string
  readonly controller: ControllerClient
  readonly image: () => MetadataImage
  readonly config: () => BrokerConfig
  readonly logger: Logger
}

export class InternalTopic {
  readonly #options: InternalTopicOptions
  #making: Promise<void> | null = null

  constructor(options: InternalTopicOptions) {
    this.#options = options
  }

  get image(): TopicImage | undefined {
    return this.#options.image().topicsByName.get(this.#options.name)
  }

  /** Undefined when it cannot be made: whoever needs it asks again, and an operator finds the reason in the log. */
  async made(): Promise<TopicImage | undefined> {
    if (this.image !== undefined) return this.image
    this.#making ??= this.#make().finally(() => {
      this.#making = null
    })
    await this.#making
    return this.image
  }

  async #make(): Promise<void> {
    const { name, controller, config, image, logger } = this.#options
    const [outcome] = await controller.createTopics([automaticTopic(name, config(), image().brokers.size)], {
      validateOnly: false,
    })
    if (!(outcome instanceof ProtocolError) || outcome.error === 'TOPIC_ALREADY_EXISTS') return
    logger.warn(`Cannot create ${name}, which clients need: ${outcome.message}`, { error: outcome })
  }
}
