/** Owns what topics' partitions and logs obey under one configuration of the broker: worked out once for each topic. */
import type { BrokerConfig } from '../config.ts'
import type { LogSettings } from '../log/settings.ts'
import type { TopicImage } from '../metadata/image.ts'
import type { PartitionRules } from './partition.ts'
import { logSettings, partitionRules } from './topic-rules.ts'

const WHOLE_JITTER = 1

interface Settings {
  readonly rules: PartitionRules
  /** With all the jitter that the topic allows. */
  readonly log: LogSettings
}

export class TopicSettings {
  readonly #config: BrokerConfig
  /** By image, which is another one when a topic's own settings change. */
  readonly #settings = new WeakMap<TopicImage, Settings>()

  constructor(config: BrokerConfig) {
    this.#config = config
  }

  rules(topic: TopicImage): PartitionRules {
    return this.#of(topic).rules
  }

  /** Shared by the topic's logs where it allows no jitter. */
  log(topic: TopicImage, segmentJitter: number): LogSettings {
    const { log } = this.#of(topic)
    return log.segmentJitterMs === 0 ? log : logSettings(this.#config, topic, segmentJitter)
  }

  #of(topic: TopicImage): Settings {
    const known = this.#settings.get(topic)
    if (known !== undefined) return known
    const settings = {
      rules: partitionRules(this.#config, topic),
      log: logSettings(this.#config, topic, WHOLE_JITTER),
    }
    this.#settings.set(topic, settings)
    return settings
  }
}
