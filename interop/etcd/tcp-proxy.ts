/** A way to a port on this machine that a test can cut, or stall so that nothing passes while connections stand. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { deferred } from '@ottla/base/deferred.ts'

export class TcpProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #port: number
  #mode: 'open' | 'stalled' | 'cut' = 'open'
  #isMuted = false

  private constructor(port: number) {
    this.#port = port
    this.#server = createServer((from) => this.#join(from))
  }

  static async to(port: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(port)
    const listening = deferred<void>()
    proxy.#server.listen(0, '127.0.0.1', () => listening.resolve())
    await listening.promise
    return proxy
  }

  /** HOST:PORT. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  /** Nothing passes any more, in both directions; connections stand, new ones are accepted. */
  stall(): void {
    this.#mode = 'stalled'
    for (const socket of this.#sockets) socket.pause()
  }

  /** Connections break, new ones break at once. */
  cut(): void {
    this.#mode = 'cut'
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Connections break, new ones lead to another port. */
  redirect(port: number): void {
    this.#port = port
    for (const socket of this.#sockets) socket.destroy()
  }

  /** All is well again; what was stalled goes on. */
  heal(): void {
    this.#mode = 'open'
    this.#isMuted = false
    for (const socket of this.#sockets) socket.resume()
  }

  /** Requests pass, answers are swallowed, until `heal`. */
  mute(): void {
    this.#isMuted = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = deferred<void>()
    this.#server.close(() => closed.resolve())
    for (const socket of this.#sockets) socket.destroy()
    await closed.promise
  }

  #join(from: Socket): void {
    if (this.#mode === 'cut') return void from.destroy()
    const to = connect(this.#port, '127.0.0.1')
    this.#pass(from, to, () => true)
    this.#pass(to, from, () => !this.#isMuted)
    if (this.#mode === 'stalled') for (const socket of [from, to]) socket.pause()
  }

  #pass(from: Socket, to: Socket, passes: () => boolean): void {
    this.#sockets.add(from)
    from.on('data', (chunk) => {
      if (passes()) to.write(chunk)
    })
    from.on('error', () => {})
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
  }
}
