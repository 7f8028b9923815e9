import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configKey, emptyImage, type MetadataImage } from '../../metadata/image.ts'
import { brokerConfig } from '../../testing/memory-broker.ts'
import { GroupSettingsReader } from './group-settings.ts'

const withFeature = (level: number): MetadataImage => ({
  ...emptyImage,
  features: { levels: new Map([['group.version', level]]), epoch: 1 },
})

function reader(settings: { readonly [name: string]: string } = {}, image: MetadataImage = withFeature(1)) {
  const config = brokerConfig(settings)
  return new GroupSettingsReader({ config: () => config, image: () => image })
}

test('without settings they are the defaults of Kafka', () => {
  assert.deepEqual(reader().of('g'), {
    ...{ minSessionTimeoutMs: 6000, maxSessionTimeoutMs: 1_800_000, initialRebalanceDelayMs: 3000 },
    ...{ maxSize: 2_147_483_647, offsetMetadataBytesMax: 4096, offsetsRetentionMs: 604_800_000 },
    ...{ consumerProtocolEnabled: true, consumerSessionTimeoutMs: 45_000, consumerHeartbeatIntervalMs: 5000 },
    ...{ consumerMaxSize: 2_147_483_647, consumerAssignors: ['uniform', 'range'] },
    ...{ consumerMigrationPolicy: 'bidirectional', consumerRegexRefreshMs: 600_000 },
  })
})

test('a group has its own values where it was given some, and nobody else has them', () => {
  const own = { values: new Map([['consumer.session.timeout.ms', '50000']]), revision: 2 }
  const image = { ...withFeature(1), configs: new Map([[configKey('group', 'g'), own]]) }
  const settings = reader({ 'group.consumer.heartbeat.interval.ms': '6000' }, image)
  const { consumerSessionTimeoutMs, consumerHeartbeatIntervalMs } = settings.of('g')
  assert.deepEqual([consumerSessionTimeoutMs, consumerHeartbeatIntervalMs], [50_000, 6000])
  assert.equal(settings.of('other').consumerSessionTimeoutMs, 45_000)
})

test('a new image and a new configuration count at once', () => {
  let [config, image] = [brokerConfig(), withFeature(0)]
  const settings = new GroupSettingsReader({ config: () => config, image: () => image })
  assert.equal(settings.of('g').consumerProtocolEnabled, false)
  image = withFeature(1)
  assert.equal(settings.of('g').consumerProtocolEnabled, true)
  config = brokerConfig({ 'group.max.size': '7' })
  assert.equal(settings.of('g').maxSize, 7)
  config = brokerConfig({ 'group.coordinator.rebalance.protocols': 'classic' })
  assert.equal(settings.of('g').consumerProtocolEnabled, false)
})

test('assignors go by their names, also where a setting of Kafka names their classes', () => {
  const prefix = 'org.apache.kafka.coordinator.group.assignor'
  const settings = reader({ 'group.consumer.assignors': `${prefix}.RangeAssignor,uniform` })
  assert.deepEqual(settings.of('g').consumerAssignors, ['range', 'uniform'])
  assert.throws(() => brokerConfig({ 'group.consumer.assignors': 'uniform,magic' }), /magic/)
})
