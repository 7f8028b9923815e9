/**
 * Owns how much CPU time a process has used, exact to the nanosecond: the scheduler's own account of each thread. How it
 * parts into user and system time is the kernel's sampling at its ticks. Linux only.
 */
import type { Disk } from '@ottla/base/disk.ts'

export interface CpuReading {
  readonly cpuSeconds: number
  readonly userTicks: number
  readonly systemTicks: number
}

const USER_TICKS_AT = 14 - 3
const SYSTEM_TICKS_AT = 15 - 3

export function readCpu(disk: Disk, pid: number): CpuReading {
  let nanoseconds = 0
  for (const { name } of disk.list(`/proc/${pid}/task`)) {
    nanoseconds += Number(textOf(disk, `/proc/${pid}/task/${name}/schedstat`).split(' ')[0] ?? 0)
  }
  const stat = textOf(disk, `/proc/${pid}/stat`)
  // The name stands in parentheses and may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return {
    cpuSeconds: nanoseconds / 1e9,
    userTicks: Number(fields[USER_TICKS_AT]),
    systemTicks: Number(fields[SYSTEM_TICKS_AT]),
  }
}

export type CpuUsed = CpuReading

export function cpuBetween(before: CpuReading, after: CpuReading): CpuUsed {
  return {
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    userTicks: after.userTicks - before.userTicks,
    systemTicks: after.systemTicks - before.systemTicks,
  }
}

/** NaN where too little was used to tell. */
export function userShareOf({ userTicks, systemTicks }: CpuUsed): number {
  return userTicks / (userTicks + systemTicks)
}

/** A thread may end while it is looked at. */
function textOf(disk: Disk, path: string): string {
  return disk.exists(path) ? disk.readFile(path).toString() : ''
}
