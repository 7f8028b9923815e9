/** Kafka's topic keys, with the broker's keys that stand in for them: facts of Kafka 4.2, in the order of their names. */
import { boolean, type ConfigKey, double, int, list, long, string } from './key.ts'

export const KAFKA_TOPIC_KEYS: readonly ConfigKey[] = [
  list('cleanup.policy', 'delete', {
    valid: { list: { emptyAllowed: true, nullAllowed: false, itemOneOf: ['compact', 'delete'] } },
    from: ['log.cleanup.policy'],
  }),
  int('compression.gzip.level', '-1', { valid: { min: 1, max: 9, also: [-1] }, from: ['compression.gzip.level'] }),
  int('compression.lz4.level', '9', { min: 1, max: 17, from: ['compression.lz4.level'] }),
  string('compression.type', 'producer', {
    valid: { oneOf: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'] },
    from: ['compression.type'],
  }),
  int('compression.zstd.level', '3', { min: -131072, max: 22, from: ['compression.zstd.level'] }),
  long('delete.retention.ms', '86400000', { min: 0, from: ['log.cleaner.delete.retention.ms'] }),
  long('file.delete.delay.ms', '60000', { min: 0, from: ['log.segment.delete.delay.ms'] }),
  long('flush.messages', '9223372036854775807', { min: 1, from: ['log.flush.interval.messages'] }),
  long('flush.ms', '9223372036854775807', {
    min: 0,
    from: ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'],
  }),
  list('follower.replication.throttled.replicas', '', { valid: { form: 'throttled replicas' } }),
  int('index.interval.bytes', '4096', { min: 0, from: ['log.index.interval.bytes'] }),
  int('internal.segment.bytes', null, { internal: true }),
  list('leader.replication.throttled.replicas', '', { valid: { form: 'throttled replicas' } }),
  long('local.retention.bytes', '-2', { min: -2, from: ['log.local.retention.bytes'] }),
  long('local.retention.ms', '-2', { min: -2, from: ['log.local.retention.ms'] }),
  long('max.compaction.lag.ms', '9223372036854775807', { min: 1, from: ['log.cleaner.max.compaction.lag.ms'] }),
  int('max.message.bytes', '1048588', { min: 0, from: ['message.max.bytes'] }),
  long('message.timestamp.after.max.ms', '3600000', { min: 0, from: ['log.message.timestamp.after.max.ms'] }),
  long('message.timestamp.before.max.ms', '9223372036854775807', {
    min: 0,
    from: ['log.message.timestamp.before.max.ms'],
  }),
  string('message.timestamp.type', 'CreateTime', {
    valid: { oneOf: ['CreateTime', 'LogAppendTime'] },
    from: ['log.message.timestamp.type'],
  }),
  double('min.cleanable.dirty.ratio', '0.5', { min: 0, max: 1, from: ['log.cleaner.min.cleanable.ratio'] }),
  long('min.compaction.lag.ms', '0', { min: 0, from: ['log.cleaner.min.compaction.lag.ms'] }),
  int('min.insync.replicas', '1', { min: 1, from: ['min.insync.replicas'] }),
  boolean('preallocate', 'false', { from: ['log.preallocate'] }),
  boolean('remote.log.copy.disable', 'false'),
  boolean('remote.log.delete.on.disable', 'false'),
  boolean('remote.storage.enable', 'false'),
  long('retention.bytes', '-1', { from: ['log.retention.bytes'] }),
  long('retention.ms', '604800000', {
    min: -1,
    from: [
      'log.retention.ms',
      { name: 'log.retention.minutes', unit: 'minutes' },
      { name: 'log.retention.hours', unit: 'hours' },
    ],
  }),
  int('segment.bytes', '1073741824', { min: 1048576, from: ['log.segment.bytes'] }),
  int('segment.index.bytes', '10485760', { min: 4, from: ['log.index.size.max.bytes'] }),
  long('segment.jitter.ms', '0', {
    min: 0,
    from: ['log.roll.jitter.ms', { name: 'log.roll.jitter.hours', unit: 'hours' }],
  }),
  long('segment.ms', '604800000', { min: 1, from: ['log.roll.ms', { name: 'log.roll.hours', unit: 'hours' }] }),
  boolean('unclean.leader.election.enable', 'false', { from: ['unclean.leader.election.enable'] }),
]
