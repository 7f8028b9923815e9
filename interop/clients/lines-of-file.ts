/** Owns the cutting of a file into the messages that the JavaScript producers send: a line each, in groups. */
import { readFileSync } from 'node:fs'

const NEWLINE = 10

/** The lines of a file, without their newlines, in its order and in groups of at most `groupSize`. */
export function* groupsOfLines(path: string, groupSize: number): Generator<Buffer[]> {
  const content = readFileSync(path)
  let group: Buffer[] = []
  for (let at = 0; at < content.length; ) {
    const end = content.indexOf(NEWLINE, at)
    group.push(content.subarray(at, end))
    at = end + 1
    if (group.length < groupSize && at < content.length) continue
    yield group
    group = []
  }
}
