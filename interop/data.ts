/**
 * Owns the real data that goes through brokers and clients: a file of at least 100,000 lines and 10 MB that a small
 * Debian package ships. The first choice is the Japanese-English dictionary EDICT (4 MB to download, 19 MB, 267,381
 * lines): it is EUC-JP, so most of its lines are no UTF-8, and whatever takes bytes for text somewhere spoils them.
 */
import { readFileSync } from 'node:fs'
import { has, needs } from './debian.ts'

const CANDIDATES = [
  { tool: 'edict', path: '/usr/share/edict/edict' },
  { tool: 'mythes-en-us', path: '/usr/share/mythes/th_en_US_v2.dat' },
] as const

const LINES_MIN = 100_000
const BYTES_MIN = 10_000_000
const NEWLINE = 10

export interface DataFile {
  readonly path: string
  /** The Debian package that ships it. */
  readonly package: string
  readonly bytes: number
  /** Each line without its newline, as text of one character a byte. */
  readonly lines: readonly string[]
}

/** The file, or why there is none, in the form that `test` takes. Throws where CI=true and there is none. */
export async function dataFile(): Promise<DataFile | { readonly skip: string }> {
  for (const { tool, path } of CANDIDATES) {
    if (!(await has(tool))) continue
    const file = read(path, tool)
    if (file.lines.length >= LINES_MIN && file.bytes >= BYTES_MIN) return file
  }
  const { skip } = await needs(CANDIDATES[0].tool)
  return {
    skip: skip ?? `needs a data file of ${LINES_MIN} lines and ${BYTES_MIN} bytes, and the packages' are smaller`,
  }
}

/** Every line ends in a newline and none is empty: line-based producers drop empty ones and disagree about the rest. */
function read(path: string, tool: string): DataFile {
  const content = readFileSync(path)
  if (content.at(-1) !== NEWLINE) throw new Error(`Cannot use ${path}: its last line has no newline`)
  const lines = content.toString('latin1', 0, content.length - 1).split('\n')
  if (lines.includes('')) throw new Error(`Cannot use ${path}: it has empty lines`)
  return { path, package: tool, bytes: content.length, lines }
}
