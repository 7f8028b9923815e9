/**
 * For tests: what makes a broker act as one of the version before, as far as the forms in the metadata store go. It knows
 * the features of that version, tells nobody what it supports, and neither reads nor writes what that version did not know.
 * What remains to be shown with real processes of both is interop/upgrade's.
 */
import { assert } from '@ottla/base/assert.ts'
import { DocumentError } from '../metadata/documents.ts'
import { METADATA_FEATURE, SUPPORTED_FEATURES, type SupportedFeature } from '../metadata/features.ts'
import type {
  Change,
  CommitOutcome,
  CommitRequest,
  Lease,
  MetadataStore,
  Snapshot,
  WatchEvent,
} from '../metadata/store.ts'

export const PREVIOUS_FEATURES: readonly SupportedFeature[] = SUPPORTED_FEATURES.filter(
  ({ name }) => name !== METADATA_FEATURE,
)
const PREVIOUS_SCHEMA_VERSION = 1
/** The version before let be what it did not know; it is not to be seen here either. */
const UNKNOWN_KEYS = 'supports/'

export class PreviousVersionStore implements MetadataStore {
  readonly #store: MetadataStore

  constructor(store: MetadataStore) {
    this.#store = store
  }

  async read(prefix: string, options?: { signal?: AbortSignal }): Promise<Snapshot> {
    const { revision, entries } = await this.#store.read(prefix, options)
    return { revision, entries: known(entries) }
  }

  async commit(request: CommitRequest): Promise<CommitOutcome> {
    const puts = request.puts.filter(({ key }) => !key.startsWith(UNKNOWN_KEYS))
    for (const { key, value } of puts) {
      assert(versionOf(value) === PREVIOUS_SCHEMA_VERSION, `The version before knew this form of "${key}"`)
    }
    return this.#store.commit({ ...request, puts })
  }

  async *watch(after: number, options: { signal: AbortSignal }): AsyncIterable<WatchEvent> {
    for await (const event of this.#store.watch(after, options)) {
      yield event.type === 'compacted' ? event : { ...event, changes: known(event.changes) }
    }
  }

  lease(ttlMs: number): Promise<Lease> {
    return this.#store.lease(ttlMs)
  }

  compact(before: number): Promise<void> {
    return this.#store.compact(before)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]()
  }
}

/** Throws DocumentError as that version did. */
function known<Entry extends Change>(entries: readonly Entry[]): Entry[] {
  const seen = entries.filter(({ key }) => !key.startsWith(UNKNOWN_KEYS))
  for (const { key, value } of seen) {
    if (value === null || versionOf(value) === PREVIOUS_SCHEMA_VERSION) continue
    throw new DocumentError(`Cannot read metadata document "${key}": the version before did not know its form`)
  }
  return seen
}

function versionOf(value: string): unknown {
  return (JSON.parse(value) as { v?: unknown }).v
}
