/**
 * Owns which core of the machine the measured brokers have, and which the generator that loads them: one each, so that
 * neither is moved about nor runs in the other's caches. Linux with `taskset`; elsewhere both run where the system puts
 * them.
 */
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

const GENERATOR_CORE = 0
const BROKER_CORE = 1

/** Puts this process on its core and answers the brokers' one, or null where nothing can be pinned. */
export function shareOutCores(): number | null {
  if (availableParallelism() < 2) return null
  const pinned = spawnSync('taskset', ['-a', '-p', '-c', String(GENERATOR_CORE), String(process.pid)])
  return pinned.status === 0 ? BROKER_CORE : null
}
