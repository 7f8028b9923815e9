/** The settings of groups: the broker's, with those that were set on a group itself (ConfigResource GROUP). */
import { assert } from '@ottla/base/assert.ts'
import { assignorName } from '../../config/assignor-names.ts'
import { groupValue } from '../../config/resource-config.ts'
import { GROUP_RESOURCE_KEYS } from '../../config/tables.ts'
import type { BrokerConfig } from '../../config.ts'
import { dynamicConfig, type MetadataImage } from '../../metadata/image.ts'
import type { GroupSettings } from './world.ts'

const MS_PER_MINUTE = 60_000
/** Finalized from this level on, groups of KIP-848 may be there. */
const GROUP_VERSION_WITH_CONSUMER = 1

/** Asked for each request of a group, so what all groups share is read once for each image and configuration. */
export class GroupSettingsReader {
  readonly #config: () => BrokerConfig
  readonly #image: () => MetadataImage
  #last: { readonly config: BrokerConfig; readonly image: MetadataImage; readonly settings: GroupSettings } | null =
    null

  constructor(options: { config: () => BrokerConfig; image: () => MetadataImage }) {
    this.#config = options.config
    this.#image = options.image
  }

  of(groupId: string): GroupSettings {
    const shared = this.#shared()
    const { values } = dynamicConfig(this.#image(), 'group', groupId)
    if (values.size === 0) return shared
    return {
      ...shared,
      consumerSessionTimeoutMs: this.#own('consumer.session.timeout.ms', values),
      consumerHeartbeatIntervalMs: this.#own('consumer.heartbeat.interval.ms', values),
    }
  }

  #shared(): GroupSettings {
    const [config, image] = [this.#config(), this.#image()]
    if (this.#last?.config !== config || this.#last.image !== image) {
      this.#last = { config, image, settings: sharedSettings(config, image) }
    }
    return this.#last.settings
  }

  #own(name: string, values: ReadonlyMap<string, string>): number {
    const key = GROUP_RESOURCE_KEYS.get(name)
    assert(key !== undefined, `Groups have a setting "${name}"`)
    return Number(groupValue(key, values, this.#config()))
  }
}

function sharedSettings(config: BrokerConfig, image: MetadataImage): GroupSettings {
  const policy = config.text('group.consumer.migration.policy')!.toLowerCase()
  return {
    minSessionTimeoutMs: config.int('group.min.session.timeout.ms'),
    maxSessionTimeoutMs: config.int('group.max.session.timeout.ms'),
    initialRebalanceDelayMs: config.int('group.initial.rebalance.delay.ms'),
    maxSize: config.int('group.max.size'),
    offsetMetadataBytesMax: config.int('offset.metadata.max.bytes'),
    offsetsRetentionMs: config.int('offsets.retention.minutes') * MS_PER_MINUTE,
    consumerProtocolEnabled: isConsumerProtocolEnabled(config, image),
    consumerSessionTimeoutMs: config.int('group.consumer.session.timeout.ms'),
    consumerHeartbeatIntervalMs: config.int('group.consumer.heartbeat.interval.ms'),
    consumerMaxSize: config.int('group.consumer.max.size'),
    consumerAssignors: config.list('group.consumer.assignors').flatMap((item) => assignorName(item) ?? []),
    consumerMigrationPolicy: policy as GroupSettings['consumerMigrationPolicy'],
    consumerRegexRefreshMs: config.int('group.consumer.regex.refresh.interval.ms'),
  }
}

function isConsumerProtocolEnabled(config: BrokerConfig, { features }: MetadataImage): boolean {
  const level = features.levels.get('group.version') ?? 0
  const protocols = config.list('group.coordinator.rebalance.protocols')
  return level >= GROUP_VERSION_WITH_CONSUMER && protocols.includes('consumer')
}
