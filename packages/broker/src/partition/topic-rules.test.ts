import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokerConfig } from '../testing/memory-broker.ts'
import { logSettings, partitionRules } from './topic-rules.ts'

const config = brokerConfig({ 'message.max.bytes': '5000', 'log.segment.bytes': '2000000' })
const topic = (configs: Record<string, string> = {}) => ({ configs: new Map(Object.entries(configs)) })

test('a topic’s own settings win over the broker’s, which win over the defaults', () => {
  const plain = partitionRules(config, topic())
  assert.deepEqual(
    [plain.maxMessageBytes, plain.segmentBytes, plain.compacted, plain.timestampType, plain.compression],
    [5000, 2_000_000, false, 'CreateTime', 'producer'],
  )
  const own = partitionRules(
    config,
    topic({
      'max.message.bytes': '99',
      'message.timestamp.type': 'LogAppendTime',
      'min.insync.replicas': '2',
      'message.timestamp.before.max.ms': '7',
      'message.timestamp.after.max.ms': '8',
    }),
  )
  assert.deepEqual(
    [own.maxMessageBytes, own.timestampType, own.minInSyncReplicas, own.timestampBeforeMaxMs, own.timestampAfterMaxMs],
    [99, 'LogAppendTime', 2, 7, 8],
  )
})

test('records may be deleted but where the policy is exactly compact', () => {
  const rows: [policy: string, compacted: boolean, deletable: boolean][] = [
    ['delete', false, true],
    ['compact', true, false],
    ['compact,delete', true, true],
    ['delete,compact', true, true],
  ]
  for (const [policy, compacted, deletable] of rows) {
    const rules = partitionRules(config, topic({ 'cleanup.policy': policy }))
    assert.deepEqual([rules.compacted, rules.deletable], [compacted, deletable], policy)
  }
})

test('every compression type is known, with its level', () => {
  const rows: [type: string, codec: string][] = [
    ['producer', 'producer'],
    ['uncompressed', 'none'],
    ['gzip', 'gzip'],
    ['snappy', 'snappy'],
    ['lz4', 'lz4'],
    ['zstd', 'zstd'],
  ]
  for (const [type, codec] of rows)
    assert.equal(partitionRules(config, topic({ 'compression.type': type })).compression, codec)
  const levels = { 'compression.gzip.level': '9', 'compression.zstd.level': '5', 'compression.lz4.level': '12' }
  const levelOf = (type: string) =>
    partitionRules(config, topic({ 'compression.type': type, ...levels })).compressionLevel
  assert.deepEqual(['gzip', 'zstd', 'lz4', 'snappy', 'producer'].map(levelOf), [9, 5, undefined, undefined, undefined])
})

test('a log is told what concerns it, with a jitter below the maximum', () => {
  const settings = logSettings(
    config,
    topic({ 'segment.ms': '1000', 'segment.jitter.ms': '100', 'flush.messages': '3', 'write.caching': 'true' }),
    0.999,
  )
  assert.deepEqual(
    [
      settings.segmentBytes,
      settings.segmentMs,
      settings.segmentJitterMs,
      settings.flushMessages,
      settings.writeCaching,
    ],
    [2_000_000, 1000, 99, 3, true],
  )
  assert.equal(logSettings(config, topic(), 0).writeCaching, false)
})
