/**
 * The differences from Apache Kafka that are meant. Each stands under its `reason` in docs/differences.md, and each must
 * still be met: the test fails on a difference that is not here, and on an entry that nothing needs any more.
 */
import type { Difference } from './compare.ts'

export interface KeptDifference {
  /** The name of a chapter of docs/differences.md. */
  readonly reason: string
  /** All when left out. */
  readonly api?: string
  readonly scenario?: RegExp
  /** As compare.ts writes it: `step 3: topics[@a].errorCode`. */
  readonly path: RegExp
  /** What the two say; anything when left out. */
  readonly kafka?: readonly unknown[]
  readonly ottla?: readonly unknown[]
}

const ABSENT = '<absent>'
const TEXT = '<text>'
const UNKNOWN = 'UNKNOWN_SERVER_ERROR'

const MORE_IS_TOLD: readonly KeptDifference[] = [
  { path: /errorMessage$/, kafka: [null, ''], ottla: [TEXT] },
  { api: 'Produce', path: /recordErrors$/ },
  { api: 'Fetch', scenario: /replica that is none/, path: /nodeEndpoints$/ },
].map((kept) => ({ reason: 'More is told of an error', ...kept }))

const NOT_SERVED: readonly KeptDifference[] = [
  { api: 'ApiVersions', path: /(apiKeys|supportedFeatures|finalizedFeatures)\[[^\]]+\]$/, ottla: [ABSENT] },
  { api: 'Metadata', scenario: /pipelined/, path: /apiKeys\[\d+\]$/, ottla: [ABSENT] },
].map((kept) => ({ reason: 'What is not served is not advertised', ...kept }))

const OWN_FEATURE: readonly KeptDifference[] = [
  { path: /(supportedFeatures|finalizedFeatures)\[ottla\.metadata\]$/, kafka: [ABSENT] },
].map((kept) => ({ reason: 'One feature is Ottla’s own', api: 'ApiVersions', ...kept }))

const NO_TRANSACTIONS: readonly KeptDifference[] = [
  {
    api: 'InitProducerId',
    scenario: /transaction|two-phase/,
    path: /errorCode$/,
    ottla: ['COORDINATOR_NOT_AVAILABLE'],
  },
  { api: 'Produce', scenario: /^transactional records of two/, path: /error(Code|Message)$/ },
].map((kept) => ({ reason: 'There are no transactions yet', ...kept }))

const IMPOSSIBLE_VALUES: readonly KeptDifference[] = [
  { api: 'OffsetFetch', scenario: /^members of consumer groups$/, path: /errorCode$/, kafka: [UNKNOWN] },
  {
    api: 'Produce',
    scenario: /length|no meaning|broken/,
    path: /errorCode$/,
    kafka: [UNKNOWN],
    ottla: ['INVALID_RECORD'],
  },
  { api: 'Produce', scenario: /no meaning/, path: /logStartOffset$/ },
  { api: 'Produce', scenario: /^timestamps outside/, path: /records\[1\]\.maxTimestamp$/ },
  { api: 'Fetch', scenario: /^isolation levels/, path: /^step [67]:/ },
  { api: 'Fetch', scenario: /^the first batch comes whole/, path: /^step 1[56]:/ },
  { api: 'ListOffsets', scenario: /^isolation levels/, path: /^step 1[0-2]:/ },
  { api: 'ListOffsets', scenario: /^leader epochs/, path: /^step 1[23]:/ },
  { api: 'OffsetForLeaderEpoch', scenario: /^epochs that are known/, path: /^step 8:/ },
  { api: 'OffsetForLeaderEpoch', scenario: /^leader epochs/, path: /^step 4:/ },
  { api: 'Metadata', scenario: /^topics by id/, path: /^step 6:/ },
  { api: 'DescribeTopicPartitions', scenario: /bad names/, path: /^step 3:/ },
  {
    ...{ api: 'IncrementalAlterConfigs', scenario: /^operations/ },
    ...{ path: /errorCode$/, kafka: [UNKNOWN], ottla: ['INVALID_REQUEST'] },
  },
  {
    api: 'CreatePartitions',
    scenario: /^too many/,
    path: /errorCode$/,
    kafka: [UNKNOWN],
    ottla: ['INVALID_PARTITIONS'],
  },
].map((kept) => ({ reason: 'Impossible values', ...kept }))

const UNDOCUMENTED = {
  ...{ reason: 'Not every setting is explained', api: 'DescribeConfigs' },
  ...{ path: /documentation$/, kafka: [TEXT], ottla: [null] },
}

const TWICE: readonly KeptDifference[] = [
  { api: 'Produce', scenario: /twice in one request/ },
  { api: 'Fetch', scenario: /twice in one request/ },
  { api: 'ListOffsets', scenario: /twice in one request/ },
  { api: 'DeleteRecords', scenario: /twice in one request/ },
].map((kept) => ({
  reason: 'A partition that a request names twice',
  path: /(topics|partitions|partitionResponses|highWatermark|lastStableOffset|records)$/,
  ...kept,
}))

const EMPTY_LISTS: readonly KeptDifference[] = [
  { api: 'Produce', scenario: /no partitions/ },
  { api: 'ListOffsets', scenario: /^unknown topics/ },
  { api: 'DeleteRecords', scenario: /^unknown topics/ },
].map((kept) => ({ reason: 'A topic without partitions in a request', path: /\]$/, kafka: [ABSENT], ...kept }))

const SETTINGS: readonly KeptDifference[] = [
  UNDOCUMENTED,
  { reason: 'Settings of our own', path: /configs\[((log\.)?write\.caching|metadata\.store)\]$/, kafka: [ABSENT] },
  { reason: 'min.insync.replicas is a setting like others', path: /configs\[min\.insync\.replicas\]/ },
  {
    ...{ reason: 'min.insync.replicas is a setting like others', api: 'AlterConfigs' },
    ...{ scenario: /cannot change/, path: /^step (9|10):/ },
  },
  {
    ...{ reason: 'min.insync.replicas is a setting like others', api: 'IncrementalAlterConfigs' },
    ...{ scenario: /cannot change/, path: /^step 9:/ },
  },
  {
    ...{ reason: 'Where a broker lives', api: 'DescribeConfigs' },
    path: /configs\[(broker\.id|process\.roles|controller\.[a-z.]+|listeners|listener\.security\.protocol\.map|log\.dirs)\]\.(value|configSource|synonyms)/,
  },
  {
    ...{ reason: 'Listeners and TLS are set before the start', api: 'DescribeConfigs' },
    ...{ path: /configs\[(listener|principal|sasl|ssl)[a-z.]*\]\.readOnly$/, kafka: [false], ottla: [true] },
  },
  {
    ...{ reason: 'Unknown settings of a broker are refused', scenario: /cannot change/ },
    ...{ path: /^step 3:/, kafka: ['NONE', null] },
  },
  {
    ...{ reason: 'Patterns of client metrics are not compiled', scenario: /client metrics/ },
    ...{ path: /^step 12:/, kafka: ['INVALID_CONFIG', TEXT] },
  },
]

const NO_TIME: readonly KeptDifference[] = ['CreateTopics', 'DeleteTopics', 'CreatePartitions'].map((api) => ({
  ...{ reason: 'No time for a change', api, scenario: /^time limits$/, path: /^step [1-5]:/ },
}))

const CONNECTIONS: readonly KeptDifference[] = [
  {
    ...{ reason: 'More connections than are allowed', api: 'Metadata', scenario: /more than max\.connections$/ },
    ...{ path: /^step 3:$/, kafka: ['<nothing>'], ottla: ['<closed>'] },
  },
  {
    ...{ reason: 'Who waits for a reply is not silent', api: 'Metadata', scenario: /is not silent$/ },
    ...{ path: /^step 1:$/, kafka: ['<closed>'] },
  },
]

const ONE_BY_ONE: readonly KeptDifference[] = [
  ...[
    { api: 'SyncGroup', scenario: /^a follower that waits leaves/, path: /^step 9:$/ },
    { api: 'JoinGroup', scenario: /what is no subscription$/, path: /^step 2:$/ },
  ].map((kept) => ({ reason: 'Requests that Kafka never answers', kafka: ['<nothing>'], ...kept })),
  {
    reason: 'Topics are created before Metadata answers',
    api: 'Metadata',
    scenario: /may be created/,
    path: /^step 1:/,
  },
  {
    reason: 'Requests that Kafka never answers',
    api: 'Produce',
    scenario: /^a null/,
    path: /:$/,
    kafka: ['<nothing>'],
  },
  {
    ...{ reason: 'Requests that Kafka never answers', api: 'AlterConfigs', scenario: /^a resource twice/ },
    ...{ path: /:$/, kafka: ['<nothing>'] },
  },
  { reason: 'The order of partitions in a fetch reply', api: 'Fetch', path: / order$/ },
  {
    reason: 'Offsets inside a batch are checked',
    api: 'Produce',
    scenario: /structure is broken/,
    path: /^step [39]:/,
  },
  {
    ...{
      reason: 'The time of a batch that comes again',
      api: 'Produce',
      scenario: /again|last five|wrap|duplicates/,
    },
    ...{ path: /logAppendTimeMs$/, ottla: [-1] },
  },
  {
    reason: 'Names that collide in one request',
    api: 'CreateTopics',
    scenario: /collide/,
    path: /^step [45]:.*\[@c_d\]/,
  },
  {
    ...{ reason: 'The newest record of a log that is empty', api: 'ListOffsets' },
    ...{ scenario: /beginning was deleted/, path: /^step 20:/ },
  },
]

export const KEPT_DIFFERENCES: readonly KeptDifference[] = [
  ...[MORE_IS_TOLD, NOT_SERVED, OWN_FEATURE, NO_TRANSACTIONS, IMPOSSIBLE_VALUES],
  ...[TWICE, EMPTY_LISTS, SETTINGS, NO_TIME, CONNECTIONS, ONE_BY_ONE],
].flat()

export function keptFor(place: { api: string; scenario: string }, difference: Difference): KeptDifference | undefined {
  return KEPT_DIFFERENCES.find(
    ({ api, scenario, path, kafka, ottla }) =>
      (api === undefined || api === place.api) &&
      (scenario?.test(place.scenario) ?? true) &&
      path.test(difference.path) &&
      (kafka?.includes(difference.kafka) ?? true) &&
      (ottla?.includes(difference.ottla) ?? true),
  )
}
