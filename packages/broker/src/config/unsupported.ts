/**
 * Keys that Kafka knows and that have no meaning here. Most are accepted, so that Kafka's files load, and reported with
 * the reason. Those that somebody relies on for safety are refused: to ignore them would be to open a door in silence.
 */
export interface IgnoredKey {
  readonly key: string
  readonly reason: string
}

const THREADS = 'a broker is one event loop; a machine with more cores runs more brokers'
const METADATA_LOG = 'cluster metadata is kept in the store that metadata.store names, not in a Raft log'
const TLS_AND_SASL = 'TLS and SASL are not supported yet'
const TIERED = 'tiered storage is not supported'
const JVM_METRICS = 'metrics are served over HTTP, not by Java reporters'
const PURGATORY = 'waiting requests are dropped at once, there is nothing to purge'

const IGNORED: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/^num\.(network|io)\.threads$|^background\.threads$|^num\.replica\.alter\.log\.dirs\.threads$/, THREADS],
  [/^(group|share)\.coordinator\.threads$|^num\.recovery\.threads\.per\.data\.dir$/, THREADS],
  [/^queued\.max\.requests$/, 'requests are admitted by their bytes: see queued.max.request.bytes'],
  [/^socket\.(send|receive)\.buffer\.bytes$/, 'the operating system sizes the buffers of sockets'],
  [/\.purgatory\.purge\.interval\.requests$/, PURGATORY],
  [/^metadata\.(log|max)\.|^internal\.metadata\.|^controller\.quorum\.|^controller\.performance\./, METADATA_LOG],
  [/^early\.start\.listeners$|^controller\.socket\.timeout\.ms$/, METADATA_LOG],
  [/^sasl\.|^ssl\.|^delegation\.token\.|^connections\.max\.reauth\.ms$|^security\.providers$/, TLS_AND_SASL],
  [/^connection\.failed\.authentication\.delay\.ms$/, TLS_AND_SASL],
  [/^remote\.|^rsm\.config\.|^rlmm\.config\.|^log\.local\.retention\./, TIERED],
  [/^metric\.reporters$|^metrics\.|^kafka\.metrics\.|^auto\.include\.jmx\.reporter$/, JVM_METRICS],
  [/^config\.providers/, 'values are taken as they are written'],
  [/^listener\.name\./, 'listeners have no settings of their own yet'],
]

/** Null when the key has a meaning here. */
export function ignoredBecause(key: string): string | null {
  return IGNORED.find(([pattern]) => pattern.test(key))?.[1] ?? null
}

/** Names that no table lists, because a plug-in or a listener's name is part of them. */
export function isPrefixed(key: string): boolean {
  return /^(listener\.name\.[^.]+|rsm\.config|rlmm\.config|config\.providers)\../.test(key)
}

const JAVA_CLASS = 'it names a Java class, which cannot run here, and to go on without it would allow what it forbids'

const REFUSED: { readonly [key: string]: string } = {
  'authorizer.class.name': 'access control lists are not supported yet, and to go on without would allow everything',
  'create.topic.policy.class.name': JAVA_CLASS,
  'alter.config.policy.class.name': JAVA_CLASS,
  'client.quota.callback.class': JAVA_CLASS,
}

/** Why the broker must not start with a value (that is not empty) for this key; null when it may. */
export function refusedBecause(key: string, value: string): string | null {
  return value === '' ? null : (REFUSED[key] ?? null)
}
