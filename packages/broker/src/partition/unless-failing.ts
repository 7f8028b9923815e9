import { DiskError } from '@ottla/base/disk.ts'
import { LogOfflineError } from '../log/errors.ts'

/** What `act` answers, or null where the log is offline, or its disk fails under it. Any other error is thrown on. */
export function unlessFailing<T>(act: () => T): T | null {
  try {
    return act()
  } catch (error) {
    if (error instanceof LogOfflineError || error instanceof DiskError) return null
    throw error
  }
}
