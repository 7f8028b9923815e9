/**
 * From the answers of one watch of etcd to whole revisions in their order. Owns no connection and no retry.
 *
 * Validity: the events of a revision come together, in one message or in fragments of one, and revisions only rise. A
 * watch that breaks this (etcd has had such faults, after partitions and under load) has lost its meaning: it ends as if
 * the history had been compacted, and everything is read anew.
 */
import { assert } from '@ottla/base/assert.ts'
import type { Change, WatchEvent } from '../store.ts'
import { EtcdError, GRPC_CODE } from './errors.ts'
import { EVENT_DELETE, type WATCH } from './messages.ts'
import type { Read } from './protobuf.ts'

export type WatchMessage = Read<(typeof WATCH)['response']>
type Event = WatchMessage['events'][number]

/** Of one message in fragments: a commit has at most 128 changes, a batch of etcd at most 1,000 revisions. */
const FRAGMENTED_EVENTS_MAX = 128_000

export interface ReadWatchOptions {
  /** The revision up to which everything is known. */
  readonly after: number
  /** Our name for a key of etcd; null for one that holds no document. */
  readonly nameOf: (key: string) => string | null
  readonly endpoint: string
  /** Asked once the member has taken the watch on: whether the history after `after` is there. */
  readonly reachesBack: () => Promise<boolean>
}

export async function* readWatch(
  messages: AsyncIterable<WatchMessage>,
  { after, nameOf, endpoint, reachesBack }: ReadWatchOptions,
): AsyncIterable<WatchEvent> {
  let position = after
  let gathered: Event[] = []
  for await (const message of messages) {
    const isCompacted = message.compactRevision !== 0
    if (message.canceled && !isCompacted) throw cancelled(endpoint, message.cancelReason)
    if (isCompacted || (message.created && !(await reachesBack()))) {
      yield { type: 'compacted' }
      return
    }
    gathered = gathered.concat(message.events)
    assert(gathered.length <= FRAGMENTED_EVENTS_MAX, `A watch of etcd sent ${gathered.length} events at once`)
    if (message.fragment) continue
    for (const [revision, events] of byRevision(gathered)) {
      if (revision <= position) {
        yield { type: 'compacted' }
        return
      }
      yield { type: 'revision', revision, changes: events.flatMap((event) => changeOf(event, nameOf)) }
      position = revision
    }
    gathered = []
  }
}

/** Neighbours of one revision together. */
function* byRevision(events: readonly Event[]): Generator<[revision: number, events: readonly Event[]]> {
  for (let start = 0; start < events.length; ) {
    const revision = revisionOf(events[start]!)
    let end = start + 1
    while (end < events.length && revisionOf(events[end]!) === revision) end++
    yield [revision, events.slice(start, end)]
    start = end
  }
}

function revisionOf(event: Event): number {
  return event.kv?.modRevision ?? 0
}

function changeOf({ type, kv }: Event, nameOf: (key: string) => string | null): Change[] {
  const key = kv === null ? null : nameOf(kv.key)
  if (kv === null || key === null) return []
  return [{ key, value: type === EVENT_DELETE ? null : kv.value, revision: kv.modRevision }]
}

function cancelled(endpoint: string, reason: string): EtcdError {
  const details = `the watch was ended: ${reason || 'no reason given'}`
  // Accounts are checked when a watch begins: a token that has run out is told in this way.
  const code = /permission denied|auth token/.test(reason) ? GRPC_CODE.unauthenticated : GRPC_CODE.unavailable
  return new EtcdError(endpoint, { code, details })
}
