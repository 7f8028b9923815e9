/** What the JavaScript programs share: which records go in, what must come out in groups, and the line that is printed. */
import assert from 'node:assert/strict'
import { deferred } from '@ottla/base/deferred.ts'
import { CODECS, type CodecName } from '../../round-trip-clients.ts'
import { expectedRecord, type ForeignRecord, foreignRecord, PARTITIONS, type ShownRecord } from '../records.ts'

export { PARTITIONS } from '../records.ts'

/** A member that has not read what it wants by then never does. A guard, not a measurement. */
const MEMBER_MS_MAX = 30_000

export type GroupProtocol = 'classic' | 'consumer'

export interface Trip {
  readonly bootstrap: string
  readonly topic: string
  readonly codec: CodecName
  readonly records: number
}

export interface Membership {
  readonly bootstrap: string
  readonly topic: string
  readonly group: string
  readonly protocol: GroupProtocol
  readonly reading: Reading
}

/** What the members of a group have read between them. Each record must be its partition's next. */
export class Reading {
  readonly #codec: CodecName
  readonly #next = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  #count = 0
  #wanted = 0
  #enough = deferred<void>()

  constructor(codec: CodecName) {
    this.#codec = codec
  }

  get count(): number {
    return this.#count
  }

  /** By partition, the one behind what was taken. */
  get offsets(): number[] {
    return this.#next.map((number) => Math.floor(number / PARTITIONS))
  }

  /** Resolves once there are so many; rejects when a record comes that should not, or they do not come. */
  async until(wanted: number): Promise<void> {
    this.#wanted = wanted
    this.#enough = deferred()
    const late = (): void => this.#enough.reject(new Error(`${this.#count} of ${wanted} records came`))
    const guard = setTimeout(late, MEMBER_MS_MAX)
    try {
      await this.#enough.promise
    } finally {
      clearTimeout(guard)
    }
  }

  /** What comes when there is enough is left alone. */
  take(partition: number, came: ShownRecord): void {
    if (this.#count === this.#wanted) return
    try {
      assert.deepEqual(came, expectedRecord(this.#next[partition]!, this.#codec))
    } catch (error) {
      this.#enough.reject(error as Error)
      return
    }
    this.#next[partition]! += PARTITIONS
    this.#count++
    if (this.#count === this.#wanted) this.#enough.resolve()
  }
}

export interface Client {
  readonly name: string
  readonly version: string
  readonly protocols: readonly GroupProtocol[]
  readonly produce: (trip: Trip) => Promise<void>
  /** Joins the group, has the reading take what comes until it has as many as wanted, commits, and leaves. */
  readonly member: (membership: Membership, wanted: number) => Promise<void>
}

export function recordsOf({ records, codec }: Trip): ForeignRecord[] {
  return Array.from({ length: records }, (_, number) => foreignRecord(number, codec))
}

/** Runs a trip for each codec. */
export async function main({ name, version, protocols, produce, member }: Client): Promise<void> {
  const [bootstrap = '', prefix = '', count = ''] = process.argv.slice(2)
  const records = Number(count)
  const groups = Object.fromEntries(protocols.map((protocol) => [protocol, 0]))
  const said = { ...{ client: name, version, produced: 0, consumed: 0, groups }, ok: true, error: '' }
  for (const codec of CODECS) {
    const trip = { bootstrap, topic: `${prefix}-${codec}`, codec, records }
    try {
      await produce(trip)
      said.produced += records
      for (const protocol of protocols) groups[protocol]! += await inGroup(trip, protocol, member)
    } catch (error) {
      said.ok = false
      said.error = `${codec}: ${error}`
      break
    }
  }
  process.stdout.write(`${JSON.stringify(said)}\n`)
}

/** Two members, one after the other, read half each. */
async function inGroup(trip: Trip, protocol: GroupProtocol, member: Client['member']): Promise<number> {
  const { bootstrap, topic, codec, records } = trip
  const reading = new Reading(codec)
  const membership = { bootstrap, topic, group: `${topic}-${protocol}`, protocol, reading }
  await member(membership, Math.floor(records / 2))
  await member(membership, records)
  return reading.count
}
