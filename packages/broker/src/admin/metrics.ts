/**
 * What the parts count, as Prometheus' text (version 0.0.4), made when somebody asks. Names follow Prometheus' habits;
 * the help of each says which of Kafka's metrics it is, where there is one.
 */
import type { ByteShare } from '@ottla/base/byte-share.ts'
import type { Histogram } from '@ottla/base/counters.ts'
import type { SyncQueue } from '@ottla/base/sync-queue.ts'
import type { GroupCoordinator } from '../coordinator/group-coordinator.ts'
import type { FetchSessions } from '../handlers/fetch-sessions.ts'
import type { RequestCounters, Requests } from '../handlers/index.ts'
import { RETENTION_REASONS } from '../log/retention.ts'
import type { TailBudget } from '../log/tail-budget.ts'
import type { LogCleaner } from '../partition/log-cleaner.ts'
import type { Partitions } from '../partition/partitions.ts'

export interface MetricSources {
  readonly requests: Requests
  readonly partitions: Partitions
  readonly cleaner: LogCleaner
  readonly connections: { readonly count: number }
  readonly fetchSessions: FetchSessions
  readonly groups: GroupCoordinator
  readonly shares: readonly ByteShare[]
  readonly tail: TailBudget
  readonly syncs: SyncQueue
  /** How late the event loop comes to what is due, in milliseconds. */
  readonly loopDelay: Histogram
  /** The longest turn of the event loop since this was last called, in milliseconds. */
  readonly longestTurnMs: () => number
  readonly residentBytes: () => number
}

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: number]

const QUANTILES = [0.5, 0.99, 0.999]
/** Of the histogram of the event loop's delay: from a quarter of a millisecond to four seconds, by the histogram's own steps. */
const DELAY_EXPONENTS = { first: -2, last: 12, step: 0.25 }

export function metricsText(sources: MetricSources): string {
  const { requests, partitions, connections, fetchSessions, shares, tail, syncs } = sources
  const counters = requests.counters
  const groups = sources.groups.counts()
  const held = countHeld(partitions)
  return [
    family(
      'ottla_requests_total',
      'counter',
      'Requests by API',
      perApi(counters, ({ requests }) => requests.value),
    ),
    family(
      'ottla_request_failures_total',
      'counter',
      'Requests whose handler failed',
      perApi(counters, ({ failures }) => failures.value),
    ),
    latencies(counters),
    family('ottla_connections', 'gauge', 'Open client connections', [[{}, connections.count]]),
    family('ottla_fetch_sessions', 'gauge', 'Incremental fetch sessions', [[{}, fetchSessions.count]]),
    family('ottla_groups', 'gauge', 'Groups that this broker coordinates', [[{}, groups.groups]]),
    family('ottla_committed_offsets', 'gauge', 'Committed offsets of these groups', [[{}, groups.offsets]]),
    family('ottla_partitions', 'gauge', 'Partitions that this broker holds', [[{}, held.count]]),
    family('ottla_offline_partitions', 'gauge', 'Partitions whose log failed', [[{}, held.offline]]),
    family('ottla_log_bytes', 'gauge', 'Bytes in the segments of all logs', [[{}, held.bytes]]),
    deletions(partitions),
    throttled(partitions),
    family(
      'ottla_budget_used_bytes',
      'gauge',
      'Bytes held of a share of the byte budget',
      shares.map((one) => [{ share: one.name }, one.usedBytes]),
    ),
    family(
      'ottla_budget_peak_bytes',
      'gauge',
      'The most bytes held of a share',
      shares.map((one) => [{ share: one.name }, one.peakBytes]),
    ),
    family('ottla_tail_bytes', 'gauge', 'Log tails held in memory', [[{}, tail.liveBytes + tail.pooledBytes]]),
    family('ottla_log_syncs_total', 'counter', 'Files synced', [[{}, syncs.syncs.value]]),
    family('ottla_log_sync_failures_total', 'counter', 'Syncs that failed', [[{}, syncs.failures.value]]),
    cleanings(sources.cleaner),
    loopDelays(sources.loopDelay),
    family(
      'ottla_event_loop_turn_max_milliseconds',
      'gauge',
      'The longest turn of the event loop since this was last read',
      [[{}, sources.longestTurnMs()]],
    ),
    family('process_resident_memory_bytes', 'gauge', 'Resident memory', [[{}, sources.residentBytes()]]),
  ].join('')
}

/** In one pass: there may be tens of thousands. */
function countHeld(partitions: Partitions): { count: number; offline: number; bytes: number } {
  const held = { count: 0, offline: partitions.offlineCount, bytes: 0 }
  for (const partition of partitions.all()) {
    held.count++
    held.bytes += partition.log.bytes
  }
  return held
}

/** Compaction; Kafka's names are those of kafka.log:type=LogCleaner and LogCleanerManager. */
function cleanings(cleaner: LogCleaner): string {
  const { runs, failures, bytesRead, bytesWritten, recordsRead, recordsKept, dirtyRatioMax, uncleanableCount } = cleaner
  const rows = [
    ['cleaner_runs_total', 'counter', 'Compactions of a log that came to their end', runs.value],
    ['cleaner_failures_total', 'counter', 'Compactions that failed', failures.value],
    ['cleaner_read_bytes_total', 'counter', 'Bytes that compactions have read', bytesRead.value],
    ['cleaner_written_bytes_total', 'counter', 'Bytes that compactions have written', bytesWritten.value],
    ['cleaner_records_read_total', 'counter', 'Records that compactions have looked at', recordsRead.value],
    ['cleaner_records_kept_total', 'counter', 'Records that they have kept', recordsKept.value],
    ['cleaner_dirty_ratio_max', 'gauge', 'Of the filthiest log (max-dirty-percent)', dirtyRatioMax.value],
    ['cleaner_uncleanable_partitions', 'gauge', 'uncleanable-partitions-count', uncleanableCount],
  ] as const
  return rows.map(([name, type, help, value]) => family(`ottla_${name}`, type, help, [[{}, value]])).join('')
}

function deletions({ retention, removalCount }: Partitions): string {
  const segments = RETENTION_REASONS.map(
    (reason): Sample => [{ reason: reason.replace(' ', '_') }, retention.deletedSegments[reason].value],
  )
  return [
    family('ottla_log_deleted_segments_total', 'counter', 'Segments that retention deleted', segments),
    family('ottla_log_deleted_bytes_total', 'counter', 'Bytes in these segments', [[{}, retention.deletedBytes.value]]),
    family('ottla_log_removals_waiting', 'gauge', 'Deleted segments and topics whose files are still there', [
      [{}, removalCount],
    ]),
  ].join('')
}

/** Kafka's byte-rate of kafka.server:type=LeaderReplication and FollowerReplication. */
function throttled({ quotas }: Partitions): string {
  return family('ottla_throttled_replication_bytes_total', 'counter', 'Bytes moved for throttled replicas', [
    [{ role: 'leader' }, quotas.leader.throttledBytes.value],
    [{ role: 'follower' }, quotas.follower.throttledBytes.value],
  ])
}

function perApi(counters: readonly RequestCounters[], value: (one: RequestCounters) => number): Sample[] {
  return counters.map((one) => [{ api: one.api.name }, value(one)])
}

function latencies(counters: readonly RequestCounters[]): string {
  const name = 'ottla_request_latency_milliseconds'
  const used = counters.filter(({ latencyMs }) => latencyMs.count > 0)
  const quantiles = used.flatMap(({ api, latencyMs }) =>
    QUANTILES.map((quantile): Sample => [{ api: api.name, quantile: String(quantile) }, latencyMs.quantile(quantile)]),
  )
  const sums = used.map(({ api, latencyMs }) => line(`${name}_sum`, { api: api.name }, latencyMs.sum))
  const counts = used.map(({ api, latencyMs }) => line(`${name}_count`, { api: api.name }, latencyMs.count))
  const help = 'From the last byte of a request to its reply'
  return family(name, 'summary', help, quantiles) + sums.join('') + counts.join('')
}

/** A histogram, whose difference between two readings is what happened between them, and quantiles since the start. */
function loopDelays(delay: Histogram): string {
  const name = 'ottla_event_loop_delay_milliseconds'
  const buckets = boundsMs().map((bound): Sample => [{ le: String(bound) }, countUpTo(delay, bound)])
  const all: readonly Sample[] = [...buckets, [{ le: '+Inf' }, delay.count]]
  const quantiles = QUANTILES.map((quantile): Sample => [{ quantile: String(quantile) }, delay.quantile(quantile)])
  return [
    `# HELP ${name} How late the event loop comes to what is due\n# TYPE ${name} histogram\n`,
    ...all.map(([labels, value]) => line(`${name}_bucket`, labels, value)),
    line(`${name}_sum`, {}, delay.sum) + line(`${name}_count`, {}, delay.count),
    family(
      'ottla_event_loop_delay_since_start_milliseconds',
      'gauge',
      'The same as quantiles since the start',
      quantiles,
    ),
  ].join('')
}

function boundsMs(): number[] {
  const { first, last, step } = DELAY_EXPONENTS
  return Array.from({ length: (last - first) / step + 1 }, (_, i) => 2 ** (first + i * step))
}

function countUpTo(histogram: Histogram, bound: number): number {
  let sum = 0
  for (const { end, count } of histogram.buckets()) if (end <= bound) sum += count
  return sum
}

function family(name: string, type: 'counter' | 'gauge' | 'summary', help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => line(name, labels, value))
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`)
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`
}
