/**
 * The port to a companion: a thread that lives beside the event loop for as long as its owner does, and talks with it by
 * messages and shared memory. For what must go on in its own time whatever the event loop does. `node-companion.ts` is
 * Node's; jobs with an end are `threads.ts`'s.
 *
 * The module of a companion calls `serveCompanion` on its top level, and does nothing else there.
 */
export interface Companions {
  /** Starts the module's thread. It does not keep the process alive. */
  start(module: URL, options: CompanionOptions): Companion
}

export interface CompanionOptions {
  /** Handed to the thread's function, copied but for SharedArrayBuffers, which are shared. */
  readonly data: unknown
  readonly onMessage: (message: unknown) => void
  /** The thread threw, and is gone. */
  readonly onFailure: (error: Error) => void
}

export interface Companion extends AsyncDisposable {
  /** Copies the message to the thread. */
  post(message: unknown): void
}

/** The other end, inside the thread. */
export interface CompanionHost {
  readonly data: unknown
  onMessage: (message: unknown) => void
  post(message: unknown): void
}
