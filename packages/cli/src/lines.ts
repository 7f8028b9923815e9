/**
 * Owns the cutting of a byte stream into lines. A line is any run of bytes but `\n`, passed through as it is: `\r`
 * stays, invalid UTF-8 stays, and a last line without its newline is a line too.
 */

/** A line longer than this is taken for a wrong file, in bytes. Far above any broker's message.max.bytes default. */
export const LINE_BYTES_MAX = 64 * 1024 * 1024

const NEWLINE = 10

/**
 * Yields the lines of each chunk together, as views of it where they can be: one array for each chunk that ended a
 * line, so that the cost is per chunk and not per line.
 */
export async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  let pieces: Buffer[] = []
  let piecesBytes = 0
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE)
    if (end < 0 || pieces.length > 0) piecesBytes += end < 0 ? chunk.length : chunk.indexOf(NEWLINE)
    if (piecesBytes > LINE_BYTES_MAX) throw new RangeError(`Cannot read a line of more than ${LINE_BYTES_MAX} bytes`)
    if (end < 0) {
      pieces.push(chunk)
      continue
    }
    yield linesOf(chunk, end, pieces)
    const rest = chunk.subarray(end + 1)
    pieces = rest.length > 0 ? [rest] : []
    piecesBytes = rest.length
  }
  if (pieces.length > 0) yield [Buffer.concat(pieces)]
}

/** The lines that end in this chunk; the first of them began with `pieces` of earlier chunks. */
function linesOf(chunk: Buffer, end: number, pieces: Buffer[]): Buffer[] {
  const lines: Buffer[] = []
  let at = 0
  if (pieces.length > 0) {
    const first = chunk.indexOf(NEWLINE)
    lines.push(Buffer.concat([...pieces, chunk.subarray(0, first)]))
    at = first + 1
  }
  while (at <= end) {
    const newline = chunk.indexOf(NEWLINE, at)
    lines.push(chunk.subarray(at, newline))
    at = newline + 1
  }
  return lines
}
