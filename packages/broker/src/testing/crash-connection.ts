/** For crash tests: a client's connection that pipelines, and that knows of each request what became of it. */
import assert from 'node:assert/strict'
import { deferred } from '@ottla/base/deferred.ts'
import type { Connection } from '@ottla/base/network.ts'
import type { AnyApi, RequestInputOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { correlationIdOf, decodeResponse } from '@ottla/protocol/frame.ts'
import { requestBytes } from './raw-client.ts'

const LENGTH_BYTES = 4

interface Pending {
  readonly correlationId: number
  /** With the frame, or null when there will be none. */
  readonly done: (frame: Buffer | null) => void
}

export class CrashConnection {
  readonly #connection: Connection
  #pending: Pending[] = []
  #bytes = Buffer.alloc(0)
  #nextCorrelationId = 1
  #isOpen = true

  constructor(connection: Connection) {
    this.#connection = connection
    connection.handlers = {
      onData: (bytes) => this.#received(bytes),
      onClose: () => this.abandon(),
    }
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Calls back with the answer, or with null when nobody will ever know. */
  send<A extends AnyApi>(
    call: { api: A; version: number; request: RequestInputOf<A> },
    done: (reply: ResponseOf<A> | null) => void,
  ): void {
    const { api, version, request } = call
    if (!this.#isOpen) return done(null)
    const correlationId = this.#nextCorrelationId++
    this.#pending.push({ correlationId, done: (frame) => done(frame && decodeResponse(api, version, frame)) })
    this.#connection.write([requestBytes(api, version, request, { correlationId, clientId: 'crash' })])
  }

  ask<A extends AnyApi>(api: A, version: number, request: RequestInputOf<A>): Promise<ResponseOf<A> | null> {
    const { promise, resolve } = deferred<ResponseOf<A> | null>()
    this.send({ api, version, request }, resolve)
    return promise
  }

  /** No more answers come. */
  abandon(): void {
    this.#isOpen = false
    const pending = this.#pending
    this.#pending = []
    for (const { done } of pending) done(null)
  }

  /** As a client that dies. */
  destroy(): void {
    this.#connection.destroy()
  }

  #received(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    while (this.#isOpen && this.#bytes.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + this.#bytes.readInt32BE(0)
      if (this.#bytes.length < end) return
      const frame = this.#bytes.subarray(LENGTH_BYTES, end)
      this.#bytes = this.#bytes.subarray(end)
      const next = this.#pending.shift()
      assert.equal(correlationIdOf(frame), next?.correlationId, 'Replies come in the order of the requests')
      next!.done(frame)
    }
  }
}
