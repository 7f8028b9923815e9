/** Owns asking the system what this process may use. */
import fs from 'node:fs'

/** Where the system does not tell: what every system that Node runs on allows a server. */
const OPEN_FILES_UNKNOWN = 4096

/** How many files, sockets included, this process may have open. Node has raised it to the hard limit by then. */
export function openFilesMax(): number {
  try {
    const line = /^Max open files +(\d+|unlimited)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8'))
    if (line === null) return OPEN_FILES_UNKNOWN
    return line[1] === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(line[1])
  } catch {
    return OPEN_FILES_UNKNOWN
  }
}
