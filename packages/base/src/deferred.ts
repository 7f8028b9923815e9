/** A promise with its two ends apart, and other ways to one outside base and the adapters. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T | PromiseLike<T>) => void
  readonly reject: (reason: unknown) => void
}

export function deferred<T>(): Deferred<T> {
  return Promise.withResolvers<T>()
}

/** Resolves once the signal has aborted; never rejects. */
export function aborted(signal: AbortSignal): Promise<void> {
  const done = deferred<void>()
  if (signal.aborted) done.resolve()
  else signal.addEventListener('abort', () => done.resolve(), { once: true })
  return done.promise
}
