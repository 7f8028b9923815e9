/**
 * Owns the replication throttle of an execution: the rate on the brokers, and on topics the replicas that are being
 * copied. What it has set it takes away again, and nothing else: entries of others in a topic's lists stay, and a rate
 * that a broker had before comes back.
 *
 * An earlier run that was killed, or given up while moves went on, has left its own. They are known by their form: this writes `partition:broker`
 * entries alone, never `*`. Rates are what is left of a run where no topic has a `*` that they would be for.
 */
import {
  type ConfigChange,
  type ConfigResource,
  describeConfigs,
  incrementalAlterConfigs,
} from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { throwFirst } from '../exit-codes.ts'

const RATES = ['leader.replication.throttled.rate', 'follower.replication.throttled.rate'] as const
const LISTS = ['leader.replication.throttled.replicas', 'follower.replication.throttled.replicas'] as const

/** A partition that is copied: by any of those who hold it, to those who get it. */
export interface Copy {
  readonly topic: string
  readonly partition: number
  readonly from: readonly number[]
  readonly adding: readonly number[]
}

export class Throttle {
  readonly #client: Client
  /** By broker, what it had before. */
  readonly #rates = new Map<number, readonly ConfigChange[]>()
  /** By topic and list, the entries that this has added. */
  readonly #entries = new Map<string, Set<string>>()

  constructor(client: Client) {
    this.#client = client
  }

  get isOn(): boolean {
    return this.#rates.size > 0
  }

  async begin(brokers: readonly number[], bytesPerSecond: number): Promise<void> {
    for (const id of brokers) {
      const resource = { type: 'broker', name: String(id) } as const
      const before = await this.#own(resource, RATES)
      this.#rates.set(
        id,
        RATES.map((name) => restored(name, before.get(name) ?? null)),
      )
      const changes = RATES.map((name) => ({ name, operation: 'set', value: String(bytesPerSecond) }) as const)
      await this.#alter(resource, changes)
    }
  }

  /** Before they begin. Without a rate there is nothing to do. */
  async cover(copies: readonly Copy[]): Promise<void> {
    if (this.#rates.size === 0) return
    for (const [topic, rows] of Map.groupBy(copies, (copy) => copy.topic)) {
      const resource = { type: 'topic', name: topic } as const
      const before = await this.#own(resource, LISTS)
      const changes = LISTS.flatMap((name) => {
        const there = itemsOf(before.get(name))
        const added = [...new Set(rows.flatMap((copy) => entriesOf(copy, name)))].filter(
          (entry) => !there.includes(entry),
        )
        // All of it is throttled already.
        if (there.includes('*') || added.length === 0) return []
        const key = `${topic} ${name}`
        this.#entries.set(key, new Set([...(this.#entries.get(key) ?? []), ...added]))
        return [{ name, operation: 'append', value: added.join(',') } as const]
      })
      await this.#alter(resource, changes)
    }
  }

  /** Once they have ended. */
  async uncover(copies: readonly Copy[]): Promise<void> {
    for (const [topic, rows] of Map.groupBy(copies, (copy) => copy.topic)) {
      for (const name of LISTS)
        await this.#remove(
          topic,
          name,
          rows.flatMap((copy) => entriesOf(copy, name)),
        )
    }
  }

  /** Everything, whatever goes on. Idempotent; goes on where something cannot be taken away, and throws then. */
  async end(): Promise<void> {
    const errors: Error[] = []
    const attempt = async (act: () => Promise<void>) => await act().catch((error: Error) => void errors.push(error))
    for (const [key, entries] of [...this.#entries]) {
      const [topic = '', name = ''] = key.split(' ')
      await attempt(() => this.#remove(topic, name, [...entries]))
    }
    for (const [id, changes] of [...this.#rates]) {
      await attempt(async () => {
        await this.#alter({ type: 'broker', name: String(id) }, changes)
        this.#rates.delete(id)
      })
    }
    throwFirst(errors)
  }

  /** What a run before this one has left. Answers whether there was anything. */
  async clearLeftovers(topics: readonly string[], brokers: readonly number[]): Promise<boolean> {
    let isAllThrottled = false
    let hasFound = false
    for (const topic of topics) {
      for (const [name, value] of await this.#own({ type: 'topic', name: topic }, LISTS)) {
        const left = itemsOf(value).filter((entry) => /^\d+:\d+$/.test(entry))
        isAllThrottled ||= itemsOf(value).includes('*')
        hasFound ||= left.length > 0
        this.#entries.set(`${topic} ${name}`, new Set(left))
        await this.#remove(topic, name, left)
      }
    }
    if (isAllThrottled) return hasFound
    for (const id of brokers) {
      const resource = { type: 'broker', name: String(id) } as const
      const left = await this.#own(resource, RATES)
      hasFound ||= left.size > 0
      await this.#alter(
        resource,
        Array.from(left.keys(), (name) => restored(name, null)),
      )
    }
    return hasFound
  }

  async #remove(topic: string, name: string, entries: readonly string[]): Promise<void> {
    const ours = this.#entries.get(`${topic} ${name}`)
    const gone = entries.filter((entry) => ours?.has(entry) === true)
    if (gone.length === 0) return
    const resource = { type: 'topic', name: topic } as const
    const rest = itemsOf((await this.#own(resource, LISTS)).get(name)).filter((entry) => !gone.includes(entry))
    // An empty list would be a setting of its own.
    const change = { name, operation: 'subtract', value: gone.join(',') } as const
    await this.#alter(resource, [rest.length === 0 ? restored(name, null) : change])
    for (const entry of gone) ours!.delete(entry)
  }

  /** What is set on the resource itself; nothing where it is gone. */
  async #own(resource: ConfigResource, names: readonly string[]): Promise<Map<string, string>> {
    const [described] = await describeConfigs(this.#client, [resource], { names })
    if (described!.error !== null && described!.error.error !== 'UNKNOWN_TOPIC_OR_PARTITION') throw described!.error
    const source = resource.type === 'topic' ? 'topic' : 'dynamic-broker'
    const set = described!.entries.filter((entry) => entry.source === source && names.includes(entry.name))
    return new Map(set.map(({ name, value }) => [name, value ?? '']))
  }

  async #alter(resource: ConfigResource, changes: readonly ConfigChange[]): Promise<void> {
    if (changes.length === 0) return
    const [outcome] = await incrementalAlterConfigs(this.#client, [{ resource, changes }])
    const { error } = outcome!
    // A topic that was deleted meanwhile has nothing left to be taken away.
    if (error !== null && error.error !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error
  }
}

function entriesOf({ partition, from, adding }: Copy, list: (typeof LISTS)[number]): string[] {
  return (list === LISTS[0] ? from : adding).map((id) => `${partition}:${id}`)
}

function restored(name: string, value: string | null): ConfigChange {
  return { name, operation: value === null ? 'delete' : 'set', value }
}

function itemsOf(list: string | undefined): string[] {
  return (list ?? '').split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]))
}
