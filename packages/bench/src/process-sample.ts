/**
 * Owns what the kernel tells about another process: CPU time and resident memory, from `/proc`. Only Linux has it;
 * elsewhere there is no sample.
 */
import type { Disk } from '@ottla/base/disk.ts'

export interface ProcessSample {
  /** User and system time of all threads since the process began. */
  readonly cpuSeconds: number
  readonly residentBytes: number
}

/** USER_HZ: what the kernel calls a tick towards programs, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100
/** Positions among the fields behind the command's name, which begin with the third of proc(5). */
const USER_TICKS_AT = 14 - 3
const SYSTEM_TICKS_AT = 15 - 3

/** Null where there is no `/proc`, or no such process (any more). */
export function sampleProcess(disk: Disk, pid: number): ProcessSample | null {
  const directory = `/proc/${pid}`
  if (!disk.exists(`${directory}/stat`)) return null
  return parseProcessSample(
    disk.readFile(`${directory}/stat`).toString(),
    disk.readFile(`${directory}/status`).toString(),
  )
}

export function parseProcessSample(stat: string, status: string): ProcessSample {
  // The name stands in parentheses and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    cpuSeconds: (Number(fields[USER_TICKS_AT]) + Number(fields[SYSTEM_TICKS_AT])) / TICKS_PER_SECOND,
    residentBytes: statusBytes(status, 'VmRSS'),
  }
}

function statusBytes(status: string, name: string): number {
  const match = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status)
  return match === null ? 0 : Number(match[1]) * 1024
}
