/**
 * A plain HTTP server for operators: each request's path goes to one function, its answer goes out whole. Loaded when
 * asked for, since most of its cost is Node's own module.
 */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deferred } from './deferred.ts'
import { NetworkError } from './network.ts'

export interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export interface HttpServerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** `path` is without the query. Only GET and HEAD come here. */
  readonly answer: (path: string) => HttpAnswer
}

const REQUEST_TIMEOUT_MS = 10_000
const HEADER_BYTES_MAX = 16_384
const METHOD_NOT_ALLOWED: HttpAnswer = { status: 405, contentType: 'text/plain', body: 'Only GET is served here\n' }

export class HttpServer implements AsyncDisposable {
  readonly port: number
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  /** Rejects with NetworkError when the address cannot be had. */
  static async listen(options: HttpServerOptions): Promise<HttpServer> {
    const { createServer } = await import('node:http')
    const server = createServer(
      { requestTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: HEADER_BYTES_MAX },
      (request, response) => {
        const isRead = request.method === 'GET' || request.method === 'HEAD'
        const path = (request.url ?? '/').split('?', 1)[0]!
        const { status, contentType, body } = isRead ? options.answer(path) : METHOD_NOT_ALLOWED
        response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
        response.end(request.method === 'HEAD' ? undefined : body)
      },
    )
    const { promise, resolve, reject } = deferred<void>()
    server.once('error', (error: NodeJS.ErrnoException) => {
      const message = `Cannot listen on ${options.host}:${options.port} for HTTP: ${error.message}`
      reject(new NetworkError(message, error.code ?? 'EUNKNOWN', { cause: error }))
    })
    server.listen({ host: options.host, port: options.port }, resolve)
    await promise
    return new HttpServer(server)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = deferred<void>()
    this.#server.close(() => resolve())
    this.#server.closeAllConnections()
    await promise
  }
}
