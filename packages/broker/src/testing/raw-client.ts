/**
 * For tests: one connection to a broker that sends requests of any version, or any bytes, and hands back what came. It
 * negotiates nothing, retries nothing and hides nothing.
 */
import { deferred } from '@ottla/base/deferred.ts'
import type { Connection } from '@ottla/base/network.ts'
import { NodeNetwork } from '@ottla/base/node-network.ts'
import type { AnyApi, RequestInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { decodeResponse, encodeRequest } from '@ottla/protocol/frame.ts'

const LENGTH_BYTES = 4
const CONNECT_TIMEOUT_MS = 10_000

/** Lets what is under way go on; without one, the client waits for the network. */
export type Pump = () => Promise<void>

export class RawClient implements Disposable {
  readonly #connection: Connection
  readonly #pump: Pump | null
  #clientId = 'test'
  #bytes = Buffer.alloc(0)
  /** Behind `#bytes`, joined to them when somebody looks. */
  readonly #arrived: Buffer[] = []
  #arrivedCount = 0
  #wake: (() => void) | null = null
  #ended = false

  constructor(connection: Connection, options: { pump?: Pump; clientId?: string } = {}) {
    this.#connection = connection
    this.#pump = options.pump ?? null
    if (options.clientId !== undefined) this.#clientId = options.clientId
    connection.handlers = {
      onData: (bytes) => {
        this.#arrived.push(Buffer.from(bytes))
        this.#arrivedCount++
        this.#wake?.()
      },
      onClose: () => {
        this.#ended = true
        this.#wake?.()
      },
    }
  }

  /** Over a real socket of this machine. */
  static async connect(port: number): Promise<RawClient> {
    const options = { host: '127.0.0.1', port, timeoutMs: CONNECT_TIMEOUT_MS }
    return new RawClient(await new NodeNetwork().connect(options))
  }

  /** Whether the broker has closed the connection. */
  get ended(): boolean {
    return this.#ended
  }

  write(bytes: Buffer): void {
    this.#connection.write([bytes])
  }

  send<A extends AnyApi>(api: A, version: number, value: RequestInputOf<A>, correlationId = 7): void {
    this.write(requestBytes(api, version, value, { correlationId, clientId: this.#clientId }))
  }

  /** The answer, or null where the broker hung up. */
  async call<A extends AnyApi>(api: A, version: number, value: RequestInputOf<A>): Promise<ResponseOf<A> | null> {
    this.send(api, version, value)
    return this.receive(api, version)
  }

  /** As `call`, where a hang-up is a failure. */
  async ask<A extends AnyApi>(api: A, version: number, value: RequestInputOf<A>): Promise<ResponseOf<A>> {
    const reply = await this.call(api, version, value)
    if (reply === null) throw new Error(`${api.name} version ${version}: the broker hung up`)
    return reply
  }

  async receive<A extends AnyApi>(api: A, version: number): Promise<ResponseOf<A> | null> {
    const frame = await this.frame()
    return frame && decodeResponse(api, version, frame)
  }

  /** The next frame without its size; null once the broker has hung up. With a pump it must come without time passing. */
  async frame(): Promise<Buffer | null> {
    for (;;) {
      const frame = this.takeFrame()
      if (frame !== null) return frame
      if (this.#ended) return null
      if (this.#pump === null) await this.#more()
      else await this.#pumpOnce(this.#pump)
    }
  }

  /** The next frame if it is there already. */
  takeFrame(): Buffer | null {
    if (this.#arrived.length > 0) this.#bytes = Buffer.concat([this.#bytes, ...this.#arrived.splice(0)])
    if (this.#bytes.length < LENGTH_BYTES) return null
    const end = LENGTH_BYTES + this.#bytes.readInt32BE(0)
    if (this.#bytes.length < end) return null
    const frame = this.#bytes.subarray(LENGTH_BYTES, end)
    this.#bytes = this.#bytes.subarray(end)
    return frame
  }

  /** Reads no more, as a client that is stuck. */
  pause(): void {
    this.#connection.pause()
  }

  resume(): void {
    this.#connection.resume()
  }

  /** Bytes that the broker does not take. */
  get unsentBytes(): number {
    return this.#connection.bufferedBytes
  }

  async #pumpOnce(pump: Pump): Promise<void> {
    const before = this.#arrivedCount
    await pump()
    if (this.#arrivedCount === before && !this.#ended) throw new Error('No reply: the broker waits for time to pass')
  }

  #more(): Promise<void> {
    const { promise, resolve } = deferred<void>()
    this.#wake = resolve
    return promise
  }

  [Symbol.dispose](): void {
    this.#connection.destroy()
  }
}

/** A request as it goes over the wire. */
export function requestBytes<A extends AnyApi>(
  api: A,
  version: number,
  value: RequestInputOf<A>,
  header: { correlationId: number; clientId: string | null } = { correlationId: 7, clientId: 'test' },
): Buffer {
  return Buffer.concat(encodeRequest(api, version, header, value))
}
