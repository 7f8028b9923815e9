/**
 * Owns the question whether what came out is what went in. A file's lines were spread over partitions; so each
 * partition must hold lines in the order of the file, and all together must hold each line as often as the file does.
 * Both can be told though a line may occur more than once.
 */

/** What is wrong, in a sentence; null where nothing is. `partitions` hold a line for each record. */
export function difference(fileLines: readonly string[], partitions: readonly Buffer[]): string | null {
  const places = placesOf(fileLines)
  const left = new Map([...places].map(([line, at]) => [line, at.length]))
  for (const [partition, content] of partitions.entries()) {
    const fault = misplaced(linesOf(content), places, left)
    if (fault !== null) return `partition ${partition}: ${fault}`
  }
  for (const [line, count] of left) if (count > 0) return `${count} times missing: ${shown(line)}`
  return null
}

/** Takes a partition's lines off `left`, and follows them through the file, always to the nearest place ahead. */
function misplaced(
  lines: readonly string[],
  places: ReadonlyMap<string, readonly number[]>,
  left: Map<string, number>,
): string | null {
  let last = -1
  for (const [offset, line] of lines.entries()) {
    const count = left.get(line)
    if (count === undefined) return `record ${offset} is not in the file: ${shown(line)}`
    if (count === 0) return `record ${offset} is there too often: ${shown(line)}`
    left.set(line, count - 1)
    const next = places.get(line)!.find((place) => place > last)
    if (next === undefined) return `record ${offset} is out of order: ${shown(line)}`
    last = next
  }
  return null
}

function placesOf(lines: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>()
  for (const [index, line] of lines.entries()) {
    const known = places.get(line)
    if (known === undefined) places.set(line, [index])
    else known.push(index)
  }
  return places
}

/** One character a byte, so that no two different lines look the same. */
function linesOf(content: Buffer): string[] {
  if (content.length === 0) return []
  return content.toString('latin1', 0, content.length - 1).split('\n')
}

function shown(line: string): string {
  return JSON.stringify(line.slice(0, 80))
}
