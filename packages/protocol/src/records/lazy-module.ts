/**
 * Owns loading of modules on first use: importing every codec at start would cost tens of megabytes and milliseconds
 * that most processes never need. A loader remembers one immutable module and nothing else, so it may live at module
 * level and be shared by all brokers of a process.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** A native module that this machine's platform or installation does not have. */
export class MissingModuleError extends Error {
  override readonly name = 'MissingModuleError'
}

/** Loads one module when it is first asked for. The first outcome stands: a failed load is not repeated. */
export class LazyModule<T> {
  readonly #name: string
  #outcome: { readonly module: T } | { readonly error: MissingModuleError } | undefined

  constructor(name: string) {
    this.#name = name
  }

  /** The module, or undefined where it cannot be loaded. */
  loadIfPresent(): T | undefined {
    this.#outcome ??= this.#attempt()
    return 'module' in this.#outcome ? this.#outcome.module : undefined
  }

  /** The module; throws MissingModuleError, with the loader's error as its cause, where it cannot be loaded. */
  load(): T {
    this.#outcome ??= this.#attempt()
    if ('error' in this.#outcome) throw this.#outcome.error
    return this.#outcome.module
  }

  #attempt() {
    try {
      return { module: require(this.#name) as T }
    } catch (cause) {
      return { error: new MissingModuleError(`Cannot load the module "${this.#name}"`, { cause }) }
    }
  }
}
