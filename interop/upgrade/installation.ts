/** Owns an installation of another revision of this repository, in a directory of its own. Needs the history, and npm. */
import { REPOSITORY, succeed } from '../processes.ts'
import { TempDirectory } from '../temp-directory.ts'

const INSTALL_MS_MAX = 300_000

export class Installation implements Disposable {
  /** Its command line. */
  readonly ottla: string
  readonly #directory: TempDirectory

  static async of(revision: string): Promise<Installation> {
    const directory = new TempDirectory('revision')
    const archive = directory.of('revision.tar')
    await succeed('git', ['-C', REPOSITORY, 'archive', '--format=tar', '-o', archive, revision])
    await succeed('tar', ['-xf', archive, '-C', directory.path])
    await succeed('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], {
      ...{ cwd: directory.path, timeoutMs: INSTALL_MS_MAX },
    })
    return new Installation(directory)
  }

  private constructor(directory: TempDirectory) {
    this.#directory = directory
    this.ottla = directory.of('packages', 'cli', 'bin', 'ottla')
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]()
  }
}
