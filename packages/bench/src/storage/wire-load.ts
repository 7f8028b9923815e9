/**
 * Owns one raw connection on which requests that were encoded beforehand go out, with a bounded number of them
 * unanswered: a load generator whose own cost blurs nothing. Answers come in the order of the requests.
 */

import { systemClock } from '@ottla/base/clock.ts'
import { type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Connection } from '@ottla/base/network.ts'
import { NodeNetwork } from '@ottla/base/node-network.ts'

const PREFIX_BYTES = 4
const CONNECT_MS_MAX = 10_000

export interface Exchange {
  readonly count: number
  /** How many requests may be unanswered. */
  readonly depth: number
  /** The request with this number, length prefix included. */
  readonly request: (index: number) => Buffer
  /** Sees an answer, length prefix included; valid during the call only. Throws where it is not a good one. */
  readonly check: (answer: Buffer, index: number) => void
}

export class WireLoad implements Disposable {
  readonly #connection: Connection
  #rest: Buffer = Buffer.alloc(0)
  #exchange: Exchange | null = null
  #sent = 0
  #answered = 0
  #done: Deferred<void> | null = null

  /** Rejects with NetworkError. */
  static async connect(bootstrap: string): Promise<WireLoad> {
    const [host = '', port] = bootstrap.split(':')
    return new WireLoad(await new NodeNetwork().connect({ host, port: Number(port), timeoutMs: CONNECT_MS_MAX }))
  }

  private constructor(connection: Connection) {
    this.#connection = connection
    connection.handlers = {
      onData: (bytes) => this.#guarded(() => this.#onData(bytes)),
      onClose: (error) => this.#done?.reject(error ?? new Error('The broker hung up')),
    }
  }

  /** Resolves with the seconds that it took until the last answer. */
  async run(exchange: Exchange): Promise<number> {
    this.#exchange = exchange
    this.#sent = 0
    this.#answered = 0
    const done = deferred<void>()
    this.#done = done
    const startedMs = systemClock.monotonicMs()
    this.#send()
    await done.promise
    return (systemClock.monotonicMs() - startedMs) / 1000
  }

  [Symbol.dispose](): void {
    this.#connection.destroy()
  }

  #send(): void {
    const { count, depth, request } = this.#exchange!
    const parts: Buffer[] = []
    while (this.#sent < count && this.#sent - this.#answered < depth) parts.push(request(this.#sent++))
    if (parts.length > 0) this.#connection.write(parts)
  }

  #onData(bytes: Buffer): void {
    let data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    while (data.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + data.readInt32BE(0)
      if (data.length < end) break
      this.#exchange!.check(data.subarray(0, end), this.#answered++)
      data = data.subarray(end)
    }
    // What arrives next overwrites the bytes.
    this.#rest = Buffer.from(data)
    if (this.#answered === this.#exchange!.count) this.#done!.resolve()
    else this.#send()
  }

  #guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#done?.reject(error)
      this.#connection.destroy()
    }
  }
}
