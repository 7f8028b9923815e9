/** Jobs for the tests of threads: what another thread can be asked to do. */
import type { JobPorts, JobStep, ThreadJob } from './threads.ts'

export interface CountInput {
  readonly to: number
  readonly path: string | null
  readonly failAt?: number
  readonly exitAt?: number
}

/** Reports each number, writes it to the file if there is one, and answers their sum; removes the file when stopped. */
export function* count(
  { to, path, failAt, exitAt }: CountInput,
  { disk }: JobPorts,
): Generator<JobStep<number>, number> {
  let sum = 0
  let isDone = false
  try {
    for (let i = 1; i <= to; i++) {
      if (i === failAt) throw Object.assign(new Error(`Cannot count to ${i}`), { code: 'ENOSPC' })
      if (i === exitAt) process.exit(3)
      if (path !== null) disk.replaceFile(path, Buffer.from(String(i)))
      sum += i
      yield { cost: 1, report: i }
    }
    isDone = true
    return sum
  } finally {
    if (!isDone && path !== null && disk.exists(path)) disk.remove(path)
  }
}

export const countJob: ThreadJob<CountInput, number, number> = {
  moduleUrl: import.meta.url,
  exportName: 'count',
  run: count,
}
