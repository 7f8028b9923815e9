import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BrokerConfig, CONFIG_SOURCE, type DynamicOverrides, NO_OVERRIDES } from './broker-config.ts'
import { dynamicBrokerProblem } from './dynamic-config.ts'
import { loadConfig } from './load.ts'
import { clientMetricsConfigProblem, groupConfigProblem } from './resource-config.ts'
import { TopicConfig, topicConfigProblem } from './topic-config.ts'

const broker = (overrides: { [key: string]: string } = {}): BrokerConfig => loadConfig({ overrides }).config
const values = (object: { [key: string]: string }): ReadonlyMap<string, string> => new Map(Object.entries(object))
const dynamic = (parts: Partial<DynamicOverrides>): DynamicOverrides => ({ ...NO_OVERRIDES, ...parts })

test('a topic without values has the defaults', () => {
  const topic = new TopicConfig(broker(), new Map())
  assert.deepEqual(
    [topic.retentionMs, topic.segmentBytes, topic.segmentMs, topic.deleted, topic.compacted],
    [604800000, 1073741824, 604800000, true, false],
  )
  assert.equal(topic.text('flush.messages'), '9223372036854775807')
})

test('the first broker key that is set stands in, in its own unit', () => {
  const hours = new TopicConfig(broker({ 'log.retention.hours': '2' }), new Map())
  assert.equal(hours.retentionMs, 7_200_000)
  const minutes = new TopicConfig(broker({ 'log.retention.hours': '2', 'log.retention.minutes': '3' }), new Map())
  assert.equal(minutes.retentionMs, 180_000)
  assert.equal(new TopicConfig(broker({ 'log.retention.hours': '-5' }), new Map()).retentionMs, -1)
  assert.equal(new TopicConfig(broker({ 'log.roll.hours': '1' }), new Map()).segmentMs, 3_600_000)
})

test('own values win over dynamic ones, those over written ones', () => {
  const written = broker({ 'log.segment.bytes': '2000000' })
  const changed = written.withDynamic(
    dynamic({
      broker: values({ 'log.segment.bytes': '3000000' }),
      cluster: values({ 'log.segment.bytes': '4000000' }),
    }),
  )
  const topic = new TopicConfig(changed, values({ 'segment.bytes': '5000000' }))
  assert.equal(topic.segmentBytes, 5_000_000)
  const { topic: own, dynamicBroker, dynamicDefaultBroker, staticBroker, default: byDefault } = CONFIG_SOURCE
  assert.deepEqual(
    topic.settings('segment.bytes').map(({ name, value, source }) => [name, value, source]),
    [
      ['segment.bytes', '5000000', own],
      ['log.segment.bytes', '3000000', dynamicBroker],
      ['log.segment.bytes', '4000000', dynamicDefaultBroker],
      ['log.segment.bytes', '2000000', staticBroker],
      ['log.segment.bytes', '1073741824', byDefault],
    ],
  )
  assert.equal(new TopicConfig(changed, new Map()).segmentBytes, 3_000_000)
})

test('a key whose only value is in a weaker unit has no settings of its own, as in Kafka', () => {
  assert.deepEqual(new TopicConfig(broker({ 'log.retention.hours': '2' }), new Map()).settings('retention.ms'), [])
})

test('a compacted topic rolls in time for its largest lag', () => {
  const own = values({ 'cleanup.policy': 'compact', 'max.compaction.lag.ms': '1000' })
  assert.equal(new TopicConfig(broker(), own).segmentMs, 1000)
})

const REFUSED: readonly (readonly [own: { [key: string]: string }, told: RegExp])[] = [
  [{ 'retention.msec': '1' }, /Unknown topic config name: retention\.msec \(did you mean retention\.ms\?\)/],
  [{ 'retention.ms': '-2' }, /Invalid value -2 for configuration retention\.ms/],
  [{ 'min.compaction.lag.ms': '2', 'max.compaction.lag.ms': '1' }, /more than max\.compaction\.lag\.ms/],
  [{ 'remote.storage.enable': 'true' }, /tiered storage/],
  [{ 'cleanup.policy': 'x'.repeat(40_000) }, /longer than 32767/],
]
for (const [own, told] of REFUSED) {
  test(`a topic is refused ${JSON.stringify(own).slice(0, 60)}`, () => {
    assert.match(topicConfigProblem(values(own), broker()) ?? '', told)
  })
}

test('lags of 64 bits are compared exactly', () => {
  const own = { 'min.compaction.lag.ms': '9223372036854775807', 'max.compaction.lag.ms': '9223372036854775806' }
  assert.notEqual(topicConfigProblem(values(own), broker()), null)
})

const DYNAMIC: readonly (readonly [name: string, value: string | null, cluster: boolean, told: RegExp | null])[] = [
  ['log.retention.ms', '1000', true, null],
  ['log.retention.ms', '1000', false, null],
  ['log.retention.ms', 'soon', true, /Invalid value soon/],
  ['log.retention.ms', null, true, null],
  ['num.partitions', '2', true, /Cannot update these configs dynamically/],
  ['listeners', 'PLAINTEXT://:1', true, /Cannot update per-broker configs/],
  ['listeners', 'PLAINTEXT://:1', false, /restart/],
  ['leader.replication.throttled.rate', '5', false, null],
  ['leader.replication.throttled.rate', '5', true, /Cannot update per-broker configs/],
  ['num.io.threads', '17', true, /more than double/],
  ['num.io.threads', '3', true, /less than half/],
  ['num.io.threads', '16', true, null],
  ['message.max.byte', '5', true, /did you mean message\.max\.bytes/],
]
for (const [name, value, cluster, told] of DYNAMIC) {
  test(`${name}=${value} for ${cluster ? 'all brokers' : 'one broker'} is ${told === null ? 'taken' : 'refused'}`, () => {
    const problem = dynamicBrokerProblem({ name, value, cluster }, broker())
    if (told === null) assert.equal(problem, null)
    else assert.match(problem ?? '', told)
  })
}

test('a group keeps within the bounds of the broker', () => {
  assert.equal(groupConfigProblem(values({ 'consumer.session.timeout.ms': '50000' }), broker()), null)
  assert.match(
    groupConfigProblem(values({ 'consumer.session.timeout.ms': '1000' }), broker()) ?? '',
    /group\.consumer\.min/,
  )
  assert.match(
    groupConfigProblem(values({ 'consumer.session.timeout.ms': '99999' }), broker()) ?? '',
    /group\.consumer\.max/,
  )
  assert.match(groupConfigProblem(values({ 'consumer.lag': '1' }), broker()) ?? '', /Unknown group config/)
})

test('client metrics answer a bad match with another error than the rest', () => {
  assert.equal(clientMetricsConfigProblem(values({ match: 'nobody=x' }))?.error, 'INVALID_CONFIG')
  assert.equal(clientMetricsConfigProblem(values({ 'interval.ms': '99' }))?.error, 'INVALID_REQUEST')
  assert.equal(clientMetricsConfigProblem(values({ 'interval.ms': '100', match: 'client_id=a' })), null)
})
