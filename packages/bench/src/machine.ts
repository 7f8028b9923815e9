/** Owns what stands above the table: without machine, versions and durability a figure means nothing. */
import os from 'node:os'
import type { Disk } from '@ottla/base/disk.ts'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  readonly node: string
  /** Type and device of the file system that held the data. */
  readonly fileSystem: string
  /** One, five and fifteen minutes, before the bench began. */
  readonly load: readonly number[]
}

export function describeMachine(disk: Disk, dataDirectory: string): Machine {
  const cpus = os.cpus()
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    memoryBytes: os.totalmem(),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    fileSystem: disk.exists('/proc/mounts')
      ? fileSystemOf(disk.readFile('/proc/mounts').toString(), dataDirectory)
      : 'unknown',
    load: os.loadavg(),
  }
}

/** Type and device of the mount that holds the path: the one with the longest matching directory, the last of equals. */
export function fileSystemOf(mounts: string, path: string): string {
  let found = { directory: '', text: 'unknown' }
  for (const line of mounts.trimEnd().split('\n')) {
    const [device = '', directory = '', type = ''] = line.split(' ')
    const holds = path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`)
    if (holds && directory.length >= found.directory.length) found = { directory, text: `${type} on ${device}` }
  }
  return found.text
}
