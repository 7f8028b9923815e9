/** From a topic's effective configuration to what its partitions and logs obey: pure. */
import type { Codec } from '@ottla/protocol/records/compression.ts'
import { type BrokerConfig, TopicConfig } from '../config.ts'
import type { LogSettings } from '../log/settings.ts'
import type { TopicImage } from '../metadata/image.ts'
import type { PartitionRules } from './partition.ts'
import { throttledReplicas } from './throttled-replicas.ts'

export function partitionRules(broker: BrokerConfig, topic: Pick<TopicImage, 'configs'>): PartitionRules {
  const config = new TopicConfig(broker, topic.configs)
  const compression = compressionOf(config.text('compression.type'))
  return {
    maxMessageBytes: config.number('max.message.bytes'),
    segmentBytes: config.segmentBytes,
    compacted: config.compacted,
    deletable: config.deleted || !config.compacted,
    timestampType: config.text('message.timestamp.type') === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    timestampBeforeMaxMs: config.number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: config.number('message.timestamp.after.max.ms'),
    compression,
    compressionLevel: levelOf(config, compression),
    minInSyncReplicas: config.number('min.insync.replicas'),
    throttle: {
      leader: throttledReplicas(config.list('leader.replication.throttled.replicas')),
      follower: throttledReplicas(config.list('follower.replication.throttled.replicas')),
    },
    retention: { deletes: config.deleted, retentionMs: config.retentionMs, retentionBytes: config.retentionBytes },
    compaction: {
      minDirtyRatio: config.number('min.cleanable.dirty.ratio'),
      minLagMs: config.number('min.compaction.lag.ms'),
      maxLagMs: config.number('max.compaction.lag.ms'),
      deleteRetentionMs: config.number('delete.retention.ms'),
    },
  }
}

/** `segmentJitter`, in [0, 1), is the log's own share of the jitter that the topic allows: it stays as settings change. */
export function logSettings(
  broker: BrokerConfig,
  topic: Pick<TopicImage, 'configs'>,
  segmentJitter: number,
): LogSettings {
  const config = new TopicConfig(broker, topic.configs)
  return {
    segmentBytes: config.segmentBytes,
    segmentMs: config.segmentMs,
    segmentJitterMs: Math.floor(segmentJitter * Math.min(config.number('segment.jitter.ms'), config.segmentMs)),
    segmentIndexBytes: config.number('segment.index.bytes'),
    indexIntervalBytes: config.number('index.interval.bytes'),
    flushMessages: config.number('flush.messages'),
    flushMs: config.number('flush.ms'),
    fileDeleteDelayMs: config.number('file.delete.delay.ms'),
    writeCaching: config.boolean('write.caching'),
  }
}

function compressionOf(value: string | null): Codec | 'producer' {
  if (value === 'gzip' || value === 'snappy' || value === 'lz4' || value === 'zstd') return value
  return value === 'uncompressed' ? 'none' : 'producer'
}

function levelOf(config: TopicConfig, codec: Codec | 'producer'): number | undefined {
  return codec === 'gzip' || codec === 'zstd' ? config.number(`compression.${codec}.level`) : undefined
}
