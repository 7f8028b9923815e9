/** Owns directories of tests: each is made fresh and removed with all it holds, at the latest when the process ends. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class TempDirectory implements Disposable {
  readonly path: string

  readonly #remove = (): void => rmSync(this.path, { recursive: true, force: true, maxRetries: 3 })

  /** With `keep` only whoever disposes it removes it. */
  constructor(purpose: string, options: { keep?: boolean } = {}) {
    this.path = mkdtempSync(join(tmpdir(), `ottla-${purpose}-`))
    if (options.keep !== true) process.once('exit', this.#remove)
  }

  /** The path of a name in it. */
  of(...names: readonly string[]): string {
    return join(this.path, ...names)
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#remove)
    this.#remove()
  }
}
