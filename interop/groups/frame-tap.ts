/**
 * Owns a relay between clients and a broker that writes down the frames which say from where a member reads: heartbeats,
 * OffsetFetch, OffsetCommit and Fetch, decoded, in the order in which they passed. The broker advertises the relay's
 * address. Frames pass as they came, but answers to Metadata may be held up, as on a slow network.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { systemClock } from '@ottla/base/clock.ts'
import { deferred } from '@ottla/base/deferred.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { FrameReader } from '@ottla/client/frame-reader.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import { Reader } from '@ottla/protocol/bytes.ts'
import type { AnyApi } from '@ottla/protocol/codec.ts'
import { correlationIdOf, decodeRequestBody, decodeResponse, readRequestHeader } from '@ottla/protocol/frame.ts'
import type { BrokerAddress } from '../cluster.ts'

/** What passed, as values of the tables. */
export interface Passed {
  readonly atMs: number
  readonly clientId: string
  readonly connection: number
  readonly api: AnyApi
  readonly correlationId: number
  readonly request?: unknown
  readonly response?: unknown
}

const FRAME_BYTES_MAX = 64 * 1024 * 1024
const APIS: readonly AnyApi[] = [Fetch, Metadata, OffsetCommit, OffsetFetch, ConsumerGroupHeartbeat]

export class FrameTap implements AsyncDisposable {
  readonly passed: Passed[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #metadataDelayMs: number
  #target: BrokerAddress = { host: '', port: 0 }
  #connections = 0

  static async open(options: { metadataDelayMs: number }): Promise<FrameTap> {
    const tap = new FrameTap(options)
    const listening = deferred<void>()
    tap.#server.listen(0, '127.0.0.1', listening.resolve)
    await listening.promise
    return tap
  }

  private constructor({ metadataDelayMs }: { metadataDelayMs: number }) {
    this.#metadataDelayMs = metadataDelayMs
    this.#server = createServer((socket) => this.#relay(socket))
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  /** HOST:PORT */
  get bootstrap(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Before the first client comes. */
  leadTo(target: BrokerAddress): void {
    this.#target = target
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = deferred<void>()
    this.#server.close(() => closed.resolve())
    for (const socket of this.#sockets) socket.destroy()
    await closed.promise
  }

  #relay(client: Socket): void {
    const { host, port } = this.#target
    const broker = connect({ host, port, noDelay: true })
    const connection = new TappedConnection(this.#connections++, this.passed)
    const requests = new FrameReader({ bytesMax: FRAME_BYTES_MAX, onFrame: (frame) => void connection.request(frame) })
    client.setNoDelay(true)
    client.on('data', (bytes: Buffer) => {
      requests.push(bytes)
      broker.write(bytes)
    })
    // Answers keep their order: one that is held up holds up those behind it.
    let last = Promise.resolve()
    const onFrame = (frame: Buffer): void => {
      last = last.then(async () => {
        if (connection.isMetadata(frame)) await systemTimers.sleep(this.#metadataDelayMs)
        connection.response(frame)
        const size = Buffer.alloc(4)
        size.writeInt32BE(frame.length)
        client.write(Buffer.concat([size, frame]))
      })
    }
    const responses = new FrameReader({ bytesMax: FRAME_BYTES_MAX, onFrame })
    broker.on('data', (bytes: Buffer) => responses.push(bytes))
    this.#join(client, broker)
  }

  #join(client: Socket, broker: Socket): void {
    const pair = [client, broker]
    for (const socket of pair) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        for (const one of pair) one.destroy()
        this.#sockets.delete(socket)
      })
    }
  }
}

interface Asked {
  readonly clientId: string
  readonly api: AnyApi
  readonly apiVersion: number
}

class TappedConnection {
  readonly #index: number
  readonly #passed: Passed[]
  readonly #asked = new Map<number, Asked>()

  constructor(index: number, passed: Passed[]) {
    this.#index = index
    this.#passed = passed
  }

  request(frame: Buffer): void {
    const api = APIS.find(({ key }) => key === frame.readInt16BE(0))
    if (api === undefined) return
    const reader = new Reader(frame)
    const { apiVersion, correlationId, clientId } = readRequestHeader(reader, () => api.flexible)
    this.#asked.set(correlationId, { clientId, api, apiVersion })
    const request = decodeRequestBody(api, apiVersion, reader)
    this.#passed.push({ ...this.#place({ clientId, api, correlationId }), request })
  }

  response(frame: Buffer): void {
    const correlationId = correlationIdOf(frame)
    const asked = this.#asked.get(correlationId)
    if (asked === undefined) return
    this.#asked.delete(correlationId)
    const response = decodeResponse(asked.api, asked.apiVersion, frame)
    this.#passed.push({ ...this.#place({ ...asked, correlationId }), response })
  }

  isMetadata(frame: Buffer): boolean {
    return this.#asked.get(correlationIdOf(frame))?.api === Metadata
  }

  #place({ clientId, api, correlationId }: { clientId: string; api: AnyApi; correlationId: number }) {
    return { atMs: systemClock.monotonicMs(), connection: this.#index, clientId, api, correlationId }
  }
}
