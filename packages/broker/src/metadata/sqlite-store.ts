/**
 * The metadata store of a broker alone: one SQLite file in its data directory. The only file that touches node:sqlite,
 * which is loaded when a store is opened, not before.
 *
 *   entries(key TEXT PRIMARY KEY, value TEXT, revision INTEGER, lease INTEGER)   the content; lease null: not leased
 *   history(revision INTEGER, seq INTEGER, key TEXT, value TEXT)                 the last revisions, for watches; value
 *                                                                               null: removed; key null: nothing changed
 *   counters(name TEXT PRIMARY KEY, value INTEGER)                               revision, lease (the last epoch)
 *
 * Durability: WAL with synchronous=FULL, so a commit is on the disk when its transaction returns; SQLite itself recovers
 * after a crash. The owner holds the data directory's lock, so there is one process, and the leases of an earlier one
 * have ended: their keys go when the file is opened. A lease here lasts as long as its store, whatever its `ttlMs`.
 * Writes block the event loop for one sync; they happen when topics or settings change, not when records flow. Each has
 * a turn of the loop of its own, apart from the planning of a large topic before it.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { assert } from '@ottla/base/assert.ts'
import { deferred } from '@ottla/base/deferred.ts'
import type { Timers } from '@ottla/base/timers.ts'
import {
  assertCommittable,
  type Change,
  type CommitOutcome,
  type CommitRequest,
  HISTORY_REVISIONS_MAX,
  type Lease,
  type MetadataStore,
  type Snapshot,
  type WatchEvent,
} from './store.ts'

export const SQLITE_FILE = 'metadata.sqlite'
/** Changes kept by SQLite as `user_version`; a file of a later form is refused. */
const FORMAT_VERSION = 1

const SCHEMA = `
  CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL, lease INTEGER) WITHOUT ROWID;
  CREATE TABLE history (revision INTEGER NOT NULL, seq INTEGER NOT NULL, key TEXT, value TEXT, PRIMARY KEY (revision, seq)) WITHOUT ROWID;
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO counters VALUES ('revision', 0), ('lease', 0);
  PRAGMA user_version = ${FORMAT_VERSION};
`

export interface SqliteStoreOptions {
  readonly path: string
  readonly timers: Pick<Timers, 'endOfTurn'>
  readonly historyRevisionsMax?: number
}

/** Opens the file, or makes it. Throws when it is not ours or of a later form. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(options.path)
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY')
    prepareSchema(database, options.path)
    return new SqliteStore(database, options)
  } catch (error) {
    database.close()
    throw error
  }
}

function prepareSchema(database: DatabaseSync, path: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
  if (version === 0) database.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`)
  else if (version !== FORMAT_VERSION) {
    throw new Error(`Cannot open "${path}": its form is ${version}, this version knows ${FORMAT_VERSION} only`)
  }
}

export class SqliteStore implements MetadataStore {
  readonly #database: DatabaseSync
  readonly #sql: Statements
  readonly #timers: SqliteStoreOptions['timers']
  readonly #historyRevisionsMax: number
  readonly #leases = new Map<number, AbortController>()
  readonly #disposed = new AbortController()
  #revision: number
  #changed = deferred<void>()

  constructor(database: DatabaseSync, { timers, historyRevisionsMax = HISTORY_REVISIONS_MAX }: SqliteStoreOptions) {
    this.#database = database
    this.#timers = timers
    this.#sql = prepare(database)
    this.#historyRevisionsMax = historyRevisionsMax
    this.#revision = numberAt(this.#sql.counter.get('revision'), 'value')
    this.#removeLeased(this.#sql.leasedKeys.all())
  }

  async read(prefix: string, options: { signal?: AbortSignal } = {}): Promise<Snapshot> {
    options.signal?.throwIfAborted()
    const entries = this.#sql.read.all(prefix.length, prefix).map((row) => ({
      key: textAt(row, 'key'),
      value: textAt(row, 'value'),
      revision: numberAt(row, 'revision'),
    }))
    return { revision: this.#revision, entries }
  }

  async commit(request: CommitRequest): Promise<CommitOutcome> {
    assert(!this.#disposed.signal.aborted, 'Cannot commit to a disposed store')
    assertCommittable(request)
    await this.#endOfTurn()
    if (this.#disposed.signal.aborted) return { type: 'unknown' }
    const holds = request.ifRevision.every(({ key, revision }) => this.#revisionOf(key) === revision)
    if (!holds || (request.lease !== undefined && !this.#leases.has(request.lease.epoch))) return { type: 'conflict' }
    return { type: 'committed', revision: this.#write(request, request.lease?.epoch ?? null) }
  }

  async *watch(after: number, { signal }: { signal: AbortSignal }): AsyncIterable<WatchEvent> {
    const ended = AbortSignal.any([signal, this.#disposed.signal])
    ended.addEventListener('abort', () => this.#wake(), { once: true })
    for (let at = after; !ended.aborted; ) {
      if (at >= this.#revision) {
        await this.#changed.promise
        continue
      }
      const rows = this.#sql.historyAt.all(at + 1)
      if (rows.length === 0) {
        yield { type: 'compacted' }
        return
      }
      at += 1
      yield { type: 'revision', revision: at, changes: rows.flatMap((row) => changeOf(row, at)) }
    }
  }

  async lease(_ttlMs: number): Promise<Lease> {
    assert(!this.#disposed.signal.aborted, 'Cannot take a lease of a disposed store')
    const epoch = numberAt(this.#sql.nextLease.get(), 'value')
    const lost = new AbortController()
    this.#leases.set(epoch, lost)
    const release = async () => this.#endLease(epoch)
    const isLive = () => !lost.signal.aborted
    return { epoch, lost: lost.signal, isLive, release, [Symbol.asyncDispose]: release }
  }

  /** The history is bounded as it is. */
  async compact(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed.signal.aborted) return
    for (const epoch of [...this.#leases.keys()]) this.#endLease(epoch)
    this.#disposed.abort()
    this.#database.close()
  }

  #endOfTurn(): Promise<void> {
    const turn = deferred<void>()
    this.#timers.endOfTurn(turn.resolve)
    return turn.promise
  }

  /** Lets all watches look again. */
  #wake(): void {
    this.#changed.resolve()
    this.#changed = deferred()
  }

  #endLease(epoch: number): void {
    const lost = this.#leases.get(epoch)
    if (lost === undefined) return
    this.#leases.delete(epoch)
    lost.abort()
    this.#removeLeased(this.#sql.keysOfLease.all(epoch))
  }

  #removeLeased(rows: readonly Row[]): void {
    const deletes = rows.map((row) => textAt(row, 'key'))
    if (deletes.length > 0) this.#write({ puts: [], deletes }, null)
  }

  #revisionOf(key: string): number {
    const row = this.#sql.revisionOf.get(key)
    return row === undefined ? 0 : numberAt(row, 'revision')
  }

  #write(request: Pick<CommitRequest, 'puts' | 'deletes'>, leaseEpoch: number | null): number {
    const revision = this.#revision + 1
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      this.#writeChanges(request, { revision, leaseEpoch })
      this.#sql.setRevision.run(revision)
      this.#sql.compact.run(revision - this.#historyRevisionsMax)
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
    this.#revision = revision
    this.#wake()
    return revision
  }

  #writeChanges(
    request: Pick<CommitRequest, 'puts' | 'deletes'>,
    to: { revision: number; leaseEpoch: number | null },
  ): void {
    let seq = 0
    for (const { key, value } of request.puts) {
      this.#sql.put.run(key, value, to.revision, to.leaseEpoch)
      this.#sql.remember.run(to.revision, seq++, key, value)
    }
    for (const key of request.deletes) {
      if (this.#sql.remove.run(key).changes > 0) this.#sql.remember.run(to.revision, seq++, key, null)
    }
    // A revision that changed nothing is in the history too: a watch tells every revision.
    if (seq === 0) this.#sql.remember.run(to.revision, seq, null, null)
  }
}

type Row = { readonly [column: string]: unknown }
type Statements = ReturnType<typeof prepare>

function prepare(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text)
  return {
    read: sql('SELECT key, value, revision FROM entries WHERE substr(key, 1, ?) = ? ORDER BY key'),
    revisionOf: sql('SELECT revision FROM entries WHERE key = ?'),
    put: sql('INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)'),
    remove: sql('DELETE FROM entries WHERE key = ?'),
    remember: sql('INSERT INTO history VALUES (?, ?, ?, ?)'),
    historyAt: sql('SELECT key, value FROM history WHERE revision = ? ORDER BY seq'),
    compact: sql('DELETE FROM history WHERE revision <= ?'),
    counter: sql('SELECT value FROM counters WHERE name = ?'),
    setRevision: sql("UPDATE counters SET value = ? WHERE name = 'revision'"),
    nextLease: sql("UPDATE counters SET value = value + 1 WHERE name = 'lease' RETURNING value"),
    leasedKeys: sql('SELECT key FROM entries WHERE lease IS NOT NULL'),
    keysOfLease: sql('SELECT key FROM entries WHERE lease = ?'),
  }
}

function changeOf(row: Row, revision: number): Change[] {
  if (row['key'] === null) return []
  return [{ key: textAt(row, 'key'), value: row['value'] === null ? null : textAt(row, 'value'), revision }]
}

function textAt(row: Row | undefined, column: string): string {
  const value = row?.[column]
  assert(typeof value === 'string', `Column ${column} of the metadata store is a text`)
  return value
}

function numberAt(row: Row | undefined, column: string): number {
  const value = row?.[column]
  assert(typeof value === 'number', `Column ${column} of the metadata store is a number`)
  return value
}
