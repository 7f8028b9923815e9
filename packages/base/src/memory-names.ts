/**
 * The tree of names of a MemoryDisk: which name leads to which file or directory, now and after a crash. Knows no bytes.
 *
 * A change of a name is pending until a directory that it concerns is synced. That makes all earlier changes of the
 * same directories durable too, as a journal would. A crash keeps pending changes up to some point, or any of them.
 * A file's own sync does not make its name durable, nor does a directory's sync its own name in its parent.
 */
import { DiskError } from './disk.ts'
import type { Random } from './random.ts'

export class NameDirectory<File> {
  entries = new Map<string, NameNode<File>>()
  /** What a crash right now would leave for certain. */
  durable = new Map<string, NameNode<File>>()
  modifiedMs = 0
  /** How often its names were changed, by a crash too. */
  changes = 0
}

/** Directories are told from files by their class, so a file may be anything else. */
export type NameNode<File> = NameDirectory<File> | File

interface PendingChange<File> {
  readonly directories: NameDirectory<File>[]
  readonly apply: () => void
}

interface Place<File> {
  readonly directory: NameDirectory<File>
  readonly name: string
}

export class MemoryNames<File extends object> {
  readonly #root = new NameDirectory<File>()
  readonly #random: Random | null
  readonly #nowMs: () => number
  #pending: PendingChange<File>[] = []

  constructor(random: Random | null, nowMs: () => number) {
    this.#random = random
    this.#nowMs = nowMs
  }

  find(path: string): NameNode<File> | undefined {
    let node: NameNode<File> | undefined = this.#root
    for (const name of namesOf(path)) {
      if (!(node instanceof NameDirectory)) return undefined
      node = node.entries.get(name)
    }
    return node
  }

  findFile(path: string, operation: string): File | undefined {
    const node = this.find(path)
    if (node instanceof NameDirectory) throw failed(operation, path, 'EISDIR', 'it is a directory')
    return node
  }

  directory(path: string, operation: string): NameDirectory<File> {
    const node = this.find(path)
    if (node === undefined) throw missing(operation, path)
    if (!(node instanceof NameDirectory)) throw failed(operation, path, 'ENOTDIR', 'it is not a directory')
    return node
  }

  addFile(path: string, file: File): void {
    this.#set(this.#place(path, 'open'), file)
  }

  makeDirectory(path: string): void {
    let directory = this.#root
    for (const name of namesOf(path)) {
      const known = directory.entries.get(name)
      if (known !== undefined && !(known instanceof NameDirectory)) {
        throw failed('make directory', path, 'EEXIST', `"${name}" is a file`)
      }
      const next = known ?? new NameDirectory<File>()
      if (known === undefined) this.#set({ directory, name }, next)
      directory = next
    }
  }

  /** Answers the file that was replaced, if any. */
  rename(from: string, to: string): File | undefined {
    const source = this.#place(from, 'rename')
    const target = this.#place(to, 'rename')
    const node = source.directory.entries.get(source.name)
    if (node === undefined) throw missing('rename', from)
    const replaced = target.directory.entries.get(target.name)
    if (replaced === node) return undefined
    if (replaced !== undefined) checkReplaceable(node, replaced, to)
    source.directory.entries.delete(source.name)
    target.directory.entries.set(target.name, node)
    this.#changed([source.directory, target.directory], () => {
      removeIfSame(source.directory.durable, source.name, node)
      target.directory.durable.set(target.name, node)
    })
    return replaced instanceof NameDirectory ? undefined : replaced
  }

  /** Removes a name, of an empty directory too; answers the file. */
  remove(path: string): NameNode<File> {
    const { directory, name } = this.#place(path, 'remove')
    const node = directory.entries.get(name)
    if (node === undefined) throw missing('remove', path)
    directory.entries.delete(name)
    this.#changed([directory], () => removeIfSame(directory.durable, name, node))
    return node
  }

  syncDirectory(path: string): void {
    const concerned = new Set([this.directory(path, 'sync directory')])
    const left: PendingChange<File>[] = []
    const due: PendingChange<File>[] = []
    for (const change of this.#pending.toReversed()) {
      const isDue = change.directories.some((directory) => concerned.has(directory))
      if (isDue) for (const directory of change.directories) concerned.add(directory)
      ;(isDue ? due : left).push(change)
    }
    for (const change of due.toReversed()) change.apply()
    this.#pending = left.toReversed()
  }

  /** Makes every name durable. */
  syncAll(): void {
    for (const change of this.#pending) change.apply()
    this.#pending = []
  }

  crash(random: Random): void {
    const inOrder = random.below(2) === 0
    const keptBefore = random.below(this.#pending.length + 1)
    for (const [index, change] of this.#pending.entries()) {
      if (inOrder ? index < keptBefore : random.below(2) === 0) change.apply()
    }
    this.#pending = []
    restoreDurable(this.#root)
  }

  *files(): Generator<File> {
    yield* filesBelow(this.#root)
  }

  #set(place: Place<File>, node: NameNode<File>): void {
    const { directory, name } = place
    directory.entries.set(name, node)
    this.#changed([directory], () => directory.durable.set(name, node))
  }

  /** A disk that cannot crash keeps no history. */
  #changed(directories: NameDirectory<File>[], apply: () => void): void {
    for (const directory of directories) {
      directory.modifiedMs = this.#nowMs()
      directory.changes++
    }
    if (this.#random !== null) this.#pending.push({ directories, apply })
  }

  #place(path: string, operation: string): Place<File> {
    const names = namesOf(path)
    const name = names.pop()
    if (name === undefined) throw failed(operation, path, 'EBUSY', 'it is the root')
    return { directory: this.directory(names.join('/'), operation), name }
  }
}

export function missing(operation: string, path: string): DiskError {
  return failed(operation, path, 'ENOENT', 'no such file or directory')
}

function failed(operation: string, path: string, code: string, why: string): DiskError {
  return new DiskError(`Cannot ${operation} "${path}": ${why}`, code)
}

function namesOf(path: string): string[] {
  const names: string[] = []
  for (const name of path.split('/')) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return names
}

function checkReplaceable<File>(node: NameNode<File>, replaced: NameNode<File>, path: string): void {
  if (!(replaced instanceof NameDirectory)) {
    if (node instanceof NameDirectory) throw failed('rename', path, 'ENOTDIR', 'it is a file')
    return
  }
  if (!(node instanceof NameDirectory)) throw failed('rename', path, 'EISDIR', 'it is a directory')
  if (replaced.entries.size > 0) throw failed('rename', path, 'ENOTEMPTY', 'it is not empty')
}

function removeIfSame<File>(names: Map<string, NameNode<File>>, name: string, node: NameNode<File>): void {
  if (names.get(name) === node) names.delete(name)
}

function restoreDurable<File>(directory: NameDirectory<File>): void {
  if (!haveSameNames(directory.entries, directory.durable)) directory.changes++
  directory.entries = new Map(directory.durable)
  for (const node of directory.entries.values()) if (node instanceof NameDirectory) restoreDurable(node)
}

function* filesBelow<File>(directory: NameDirectory<File>): Generator<File> {
  for (const node of directory.entries.values()) {
    if (node instanceof NameDirectory) yield* filesBelow(node)
    else yield node
  }
}

function haveSameNames<File>(left: Map<string, NameNode<File>>, right: Map<string, NameNode<File>>): boolean {
  return left.size === right.size && [...left].every(([name, node]) => right.get(name) === node)
}
