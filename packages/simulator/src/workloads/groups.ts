/**
 * Consumer groups in a seed run, one of each protocol: members come, leave and die, and commit what they have read. When
 * everything has healed some member stays, reads to the end and commits it.
 */
import type { FakeTime } from '@ottla/base/fake-time.ts'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { listGroupOffsets } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import type { Events } from '../checkers/events.ts'
import { checkGroup } from '../checkers/groups.ts'
import type { ClientHosts } from '../client-hosts.ts'
import { GroupHistory } from './group-history.ts'
import { GroupMember } from './group-member.ts'
import { type FinalLogs, isAt, nameOf, type Place, type Workload } from './workload.ts'

export interface GroupsOptions {
  readonly time: FakeTime
  readonly seed: number | string
  readonly clients: ClientHosts
  readonly events: Events
  readonly places: readonly Place[]
  readonly tell: (line: string) => void
  /** Asks for committed offsets in the end. */
  readonly client: Client
  /** Of a place, as its leader has it. */
  readonly highWatermark: (place: Place) => number
}

const PROTOCOLS = ['classic', 'consumer'] as const
const SLOTS = 2
const ABSENCE_MS_MAX = 4_000
const LIFE_MS_MAX = 20_000
const LIFE_MS_MIN = 2_000
const ASK_PAUSE_MS = 300
const ASK_TIMEOUT_MS = 5_000

interface Group {
  readonly history: GroupHistory
  readonly protocol: (typeof PROTOCOLS)[number]
  /** As the coordinator said last. */
  committed: readonly (Place & { readonly offset: number })[]
}

export class Groups implements Workload {
  readonly #options: GroupsOptions
  readonly #groups: readonly Group[]
  readonly #members = new Set<GroupMember>()
  readonly #running: Promise<void>[] = []
  /** Aborted when everything has healed. */
  readonly #calm = new AbortController()
  readonly #stop = new AbortController()

  constructor(options: GroupsOptions) {
    this.#options = options
    this.#groups = PROTOCOLS.map((protocol) => ({ history: new GroupHistory(protocol), protocol, committed: [] }))
    for (const group of this.#groups) {
      for (let slot = 0; slot < SLOTS; slot++) {
        const random = seededRandom(`member ${slot} of ${group.protocol} in ${options.seed}`)
        this.#running.push(this.#keepMembers(group, random))
      }
    }
  }

  calmDown(): void {
    this.#calm.abort()
    for (const group of this.#groups) this.#running.push(this.#keepAsking(group))
  }

  unrest(): string | null {
    for (const { history, committed } of this.#groups) {
      for (const place of this.#options.places) {
        const offset = committed.find(isAt(place))?.offset ?? 0
        const end = this.#options.highWatermark(place)
        if (offset < end) return `group ${history.group} has committed ${offset} of ${end} of ${nameOf(place)}`
      }
    }
    return null
  }

  check(logs: FinalLogs): string[] {
    return this.#groups.flatMap(({ history }) =>
      this.#options.places.flatMap((place) => checkGroup(logs(place), history)),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#calm.abort()
    this.#stop.abort()
    for (const member of this.#members) await member.leave()
    await Promise.all(this.#running)
  }

  /** One after another, with absences between them; the last one stays. */
  async #keepMembers({ history, protocol }: Group, random: Random): Promise<void> {
    const { time, clients, events, places, tell } = this.#options
    const topics = [...new Set(places.map(({ topic }) => topic))]
    while (!this.#stop.signal.aborted) {
      await this.#unlessCalm(1 + random.below(ABSENCE_MS_MAX))
      const member = new GroupMember({ time, random, clients, events, history, topics, protocol, tell })
      this.#members.add(member)
      await this.#unlessCalm(LIFE_MS_MIN + random.below(LIFE_MS_MAX))
      if (this.#calm.signal.aborted) await this.#whileItReads(member)
      else if (random.below(3) === 0) {
        events.count('member dies')
        member.crash()
      } else await member.leave()
      this.#members.delete(member)
    }
  }

  async #whileItReads(member: GroupMember): Promise<void> {
    while (!member.isEnded && !this.#stop.signal.aborted) await this.#options.time.sleep(ASK_PAUSE_MS)
    if (this.#stop.signal.aborted) await member.leave()
  }

  async #keepAsking(group: Group): Promise<void> {
    const { client, time } = this.#options
    while (!this.#stop.signal.aborted) {
      const asking = listGroupOffsets(client, group.history.group, { timeoutMs: ASK_TIMEOUT_MS })
      group.committed = await asking.catch(() => group.committed)
      await time.sleep(ASK_PAUSE_MS)
    }
  }

  async #unlessCalm(delayMs: number): Promise<void> {
    await this.#options.time.sleep(delayMs, { signal: this.#calm.signal }).catch(() => undefined)
  }
}
