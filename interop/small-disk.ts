/** Owns a small file system in memory (tmpfs) that can be filled and enlarged; only root may mount one, on Linux. */
import { rmSync } from 'node:fs'
import { run, succeed } from './processes.ts'
import { TempDirectory } from './temp-directory.ts'

export class SmallDisk implements AsyncDisposable {
  readonly path: string
  readonly #directory: TempDirectory

  /** Null, with a reason, where this process may not mount. */
  static async mount(bytes: number): Promise<SmallDisk | { readonly skip: string }> {
    if (process.platform !== 'linux' || process.getuid?.() !== 0)
      return { skip: 'needs root on Linux, to mount a tmpfs' }
    const directory = new TempDirectory('small-disk')
    const { exitCode, errors } = await run('mount', [
      '-t',
      'tmpfs',
      '-o',
      `size=${bytes}`,
      'ottla-test',
      directory.path,
    ])
    if (exitCode === 0) return new SmallDisk(directory)
    directory[Symbol.dispose]()
    return { skip: `needs a tmpfs, and mounting one failed: ${errors.trim()}` }
  }

  private constructor(directory: TempDirectory) {
    this.#directory = directory
    this.path = directory.path
  }

  async enlarge(bytes: number): Promise<void> {
    await succeed('mount', ['-o', `remount,size=${bytes}`, this.path])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await succeed('umount', [this.path])
    rmSync(this.path, { recursive: true, force: true })
    this.#directory[Symbol.dispose]()
  }
}
