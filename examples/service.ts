/**
 * Owns a service of the shop: it hears of every product change in a group of its own, so that no other service slows it
 * down or takes anything from it, and needs a while for each. Its group remembers how far it is, also when it is away.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { listGroupOffsets } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { GroupConsumer } from '@ottla/client/consumer/group-consumer.ts'
import { fromValue, type ProductChange, TOPIC } from './product-changes.ts'

export interface ServiceOptions {
  readonly group: string
  /** That its work takes for one change. */
  readonly workMs: number
}

const COMMIT_MS = 100

export class Service implements AsyncDisposable {
  readonly #client: Client
  readonly #options: ServiceOptions
  readonly #ending = new AbortController()
  /** What it has heard of, in its order. */
  readonly heard: ProductChange[] = []
  #running: Promise<void> = Promise.resolve()

  static start(client: Client, options: ServiceOptions): Service {
    const service = new Service(client, options)
    service.#running = service.#run()
    return service
  }

  private constructor(client: Client, options: ServiceOptions) {
    this.#client = client
    this.#options = options
  }

  get name(): string {
    return this.#options.group
  }

  /** Records that it has yet to read, as its group's committed offsets tell. */
  async lag(): Promise<number> {
    const offsets = await listGroupOffsets(this.#client, this.#options.group)
    return offsets.reduce((sum, { lag }) => sum + Math.max(0, lag), 0)
  }

  /** Commits how far it is and leaves its group. Throws what ended it before, if anything did. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { group, workMs } = this.#options
    const { signal } = this.#ending
    const options = { group, topics: [TOPIC], from: 'beginning', autoCommit: { everyMs: COMMIT_MS } } as const
    try {
      await using consumer = await GroupConsumer.join(this.#client, options, { signal })
      for await (const { value } of consumer.records({ signal })) {
        await sleep(workMs)
        this.heard.push(fromValue(value))
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}
