/**
 * The one place that names what may legitimately differ between two brokers: ids, times, addresses, the wording of
 * messages, and the order of lists that have none. A reply becomes plain JSON in which these are symbols; two replies
 * are then equal or they are a difference.
 */
import type { AnyApi } from '@ottla/protocol/codec.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { shownBatches, TIME_MS } from './batches.ts'
import type { Learnt } from './learnt.ts'

/** Lists whose order Kafka leaves open, by API, as paths of field names. */
const UNORDERED: Readonly<Record<string, readonly string[]>> = {
  ApiVersions: ['apiKeys', 'supportedFeatures', 'finalizedFeatures'],
  Produce: ['responses', 'responses.partitionResponses'],
  Metadata: ['topics', 'topics.partitions'],
  ListOffsets: ['topics', 'topics.partitions'],
  CreateTopics: ['topics', 'topics.configs'],
  DeleteTopics: ['responses'],
  DeleteRecords: ['topics', 'topics.partitions'],
  OffsetForLeaderEpoch: ['topics', 'topics.partitions'],
  DescribeConfigs: ['results', 'results.configs'],
  AlterConfigs: ['responses'],
  IncrementalAlterConfigs: ['responses'],
  CreatePartitions: ['results'],
  DescribeLogDirs: ['results.topics', 'results.topics.partitions'],
  OffsetCommit: ['topics', 'topics.partitions'],
  OffsetFetch: ['topics', 'topics.partitions', 'groups', 'groups.topics', 'groups.topics.partitions'],
  OffsetDelete: ['topics', 'topics.partitions'],
  JoinGroup: ['members'],
  DescribeGroups: ['groups', 'groups.members'],
  ListGroups: ['groups'],
  DeleteGroups: ['results'],
  ConsumerGroupHeartbeat: ['assignment.topicPartitions', 'assignment.topicPartitions.partitions'],
  ConsumerGroupDescribe: [
    ...['groups', 'groups.members', 'groups.members.subscribedTopicNames'],
    ...['groups.members.assignment.topicPartitions', 'groups.members.targetAssignment.topicPartitions'],
    'groups.members.assignment.topicPartitions.partitions',
    'groups.members.targetAssignment.topicPartitions.partitions',
  ],
}

/** Lists that show all topics of a broker: only those of this run are compared. */
const OF_ALL_TOPICS: Readonly<Record<string, string>> = {
  Metadata: 'topics',
  DescribeTopicPartitions: 'topics',
  DescribeLogDirs: 'results.topics',
}

/** Scenarios use times within this distance of the fixed one. */
const OWN_TIMES_MS = 1_000_000

type Rule = (value: unknown, learnt: Learnt) => unknown

const text: Rule = (value) => (value === null || value === '' ? value : '<text>')
const since = (symbol: string): Rule => {
  return (value) => (typeof value === 'number' && value >= 0 ? symbol : value)
}
/** Times of ours are shown by their distance from the fixed one, all others are the broker's clock. */
const time: Rule = (value) => {
  const ms = value as number
  if (ms < 0) return ms
  return Math.abs(ms - TIME_MS) < OWN_TIMES_MS ? `+${ms - TIME_MS}` : '<now>'
}
const error: Rule = (value) => errorName(value as number)

/** Fields, by name, that are shown by a symbol. */
const RULES: Readonly<Record<string, Rule>> = {
  errorCode: error,
  topicConfigErrorCode: error,
  errorMessage: text,
  batchIndexErrorMessage: text,
  documentation: text,
  clusterId: text,
  port: (value) => ((value as number) > 0 ? '<port>' : value),
  logDir: () => '<dir>',
  totalBytes: since('<bytes>'),
  usableBytes: since('<bytes>'),
  logAppendTimeMs: time,
  timestamp: time,
  finalizedFeaturesEpoch: since('<epoch>'),
  topicId: (value, learnt) => (value === ZERO_UUID ? null : learnt.topicOfId(value as string)),
  sessionId: (value, learnt) => (value === 0 ? 0 : learnt.sessionSymbol(value as number)),
  producerId: (value, learnt) => learnt.producerSymbol(value as number),
}

export function normalised(api: AnyApi, reply: unknown, learnt: Learnt): unknown {
  return normalisedValue(reply, { api: api.name, path: '', learnt })
}

interface Place {
  readonly api: string
  /** Names of fields, without positions. */
  readonly path: string
  readonly learnt: Learnt
}

function normalisedValue(value: unknown, place: Place): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return place.learnt.shown(value)
  if (Buffer.isBuffer(value)) {
    // What members of groups tell each other is theirs; scenarios use text.
    if (!place.path.endsWith('records')) return place.learnt.shown(value.toString('latin1'))
    return normalisedValue(shownBatches(value), place)
  }
  if (Array.isArray(value)) return normalisedList(value, place)
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).map(([name, inner]) => {
    const rule = RULES[name]
    const path = place.path === '' ? name : `${place.path}.${name}`
    return [name, rule ? rule(inner, place.learnt) : normalisedValue(inner, { ...place, path })]
  })
  return Object.fromEntries(entries)
}

function normalisedList(list: readonly unknown[], place: Place): unknown {
  const { api, path } = place
  const shown = list.filter((value) => isOfThisRun(value, place))
  const values = shown.map((value) => normalisedValue(value, place))
  return UNORDERED[api]?.includes(path) ? values.toSorted(byText) : values
}

function isOfThisRun(value: unknown, { api, path, learnt }: Place): boolean {
  if (OF_ALL_TOPICS[api] === path) return !learnt.isForeign((value as { name: string | null }).name)
  return api === 'ListGroups' && path === 'groups' ? learnt.isOwnGroup((value as { groupId: string }).groupId) : true
}

/** Any fixed order does; the names of topics and partitions come first in most. */
function byText(left: unknown, right: unknown): number {
  const [a, b] = [sortKey(left), sortKey(right)]
  return a < b ? -1 : a > b ? 1 : 0
}

function sortKey(value: unknown): string {
  if (typeof value !== 'object') return String(value).padStart(10)
  const { name, topicId, partitionIndex, index, apiKey } = value as Record<string, unknown>
  const number = String(partitionIndex ?? index ?? apiKey ?? '').padStart(10)
  return `${name ?? ''} ${topicId ?? ''} ${number} ${JSON.stringify(value)}`
}
