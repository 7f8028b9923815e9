/** Kafka's keys of groups, of client metrics subscriptions and of quotas: facts of Kafka 4.2. */
import { anyItems, type ConfigKey, double, int, list, long, string } from './key.ts'

export const GROUP_KEYS: readonly ConfigKey[] = [
  int('consumer.heartbeat.interval.ms', '5000', {
    min: 1,
    defaultFrom: 'group.consumer.heartbeat.interval.ms',
    minFrom: 'group.consumer.min.heartbeat.interval.ms',
    maxFrom: 'group.consumer.max.heartbeat.interval.ms',
  }),
  int('consumer.session.timeout.ms', '45000', {
    min: 1,
    defaultFrom: 'group.consumer.session.timeout.ms',
    minFrom: 'group.consumer.min.session.timeout.ms',
    maxFrom: 'group.consumer.max.session.timeout.ms',
  }),
  string('share.auto.offset.reset', 'latest', { valid: { form: 'share offset reset' } }),
  int('share.heartbeat.interval.ms', '5000', {
    min: 1,
    defaultFrom: 'group.share.heartbeat.interval.ms',
    minFrom: 'group.share.min.heartbeat.interval.ms',
    maxFrom: 'group.share.max.heartbeat.interval.ms',
  }),
  string('share.isolation.level', 'read_uncommitted', { valid: { oneOf: ['read_committed', 'read_uncommitted'] } }),
  int('share.record.lock.duration.ms', '30000', {
    min: 1000,
    defaultFrom: 'group.share.record.lock.duration.ms',
    minFrom: 'group.share.min.record.lock.duration.ms',
    maxFrom: 'group.share.max.record.lock.duration.ms',
  }),
  int('share.session.timeout.ms', '45000', {
    min: 1,
    defaultFrom: 'group.share.session.timeout.ms',
    minFrom: 'group.share.min.session.timeout.ms',
    maxFrom: 'group.share.max.session.timeout.ms',
  }),
  int('streams.heartbeat.interval.ms', '5000', {
    min: 1,
    defaultFrom: 'group.streams.heartbeat.interval.ms',
    minFrom: 'group.streams.min.heartbeat.interval.ms',
    maxFrom: 'group.streams.max.heartbeat.interval.ms',
  }),
  int('streams.initial.rebalance.delay.ms', '3000', {
    min: 0,
    defaultFrom: 'group.streams.initial.rebalance.delay.ms',
  }),
  int('streams.num.standby.replicas', '0', {
    min: 0,
    defaultFrom: 'group.streams.num.standby.replicas',
    maxFrom: 'group.streams.max.standby.replicas',
  }),
  int('streams.session.timeout.ms', '45000', {
    min: 1,
    defaultFrom: 'group.streams.session.timeout.ms',
    minFrom: 'group.streams.min.session.timeout.ms',
    maxFrom: 'group.streams.max.session.timeout.ms',
  }),
]

export const CLIENT_METRICS_KEYS: readonly ConfigKey[] = [
  int('interval.ms', '300000', { min: 100, max: 3600000 }),
  list('match', '', { valid: { ...anyItems, form: 'client metrics match' } }),
  list('metrics', '', { valid: anyItems }),
]

export const USER_CLIENT_QUOTA_KEYS: readonly ConfigKey[] = [
  long('consumer_byte_rate', '9223372036854775807'),
  double('controller_mutation_rate', '2.147483647E9'),
  long('producer_byte_rate', '9223372036854775807'),
  double('request_percentage', '2.147483647E9'),
]

export const IP_QUOTA_KEYS: readonly ConfigKey[] = [int('connection_creation_rate', '2147483647', { min: 0 })]
