/** Owns directories of tests: each is made fresh and removed with all it holds. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class TempDirectory implements Disposable {
  readonly path: string

  constructor(purpose: string) {
    this.path = mkdtempSync(join(tmpdir(), `ottla-${purpose}-`))
  }

  /** The path of a name in it. */
  of(...names: readonly string[]): string {
    return join(this.path, ...names)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 3 })
  }
}
