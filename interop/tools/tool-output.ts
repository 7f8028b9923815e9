/** Owns reading what Kafka's tools print. Pure. */

/** Kafka's jars as Maven brings them have no logger, which each tool tells in lines of its own. */
export function withoutLoggerNotice(errors: string): string {
  return errors
    .split('\n')
    .filter((line) => !line.startsWith('SLF4J: '))
    .join('\n')
}

/** `topic:partition:offset` lines of kafka-get-offsets: the offsets by partition. An offset may be left out. */
export function offsetsIn(output: string, topic: string): Map<number, number> {
  const offsets = new Map<number, number>()
  for (const line of linesOf(output)) {
    const [name, partition, offset] = line.split(':')
    if (name === topic && offset !== '') offsets.set(Number(partition), Number(offset))
  }
  return offsets
}

/** The `name: value` pairs of those lines of kafka-dump-log that begin with the name of a field. */
export function dumpedEntries(output: string, firstField: string): Map<string, string>[] {
  return linesOf(output)
    .filter((line) => line.startsWith(`${firstField}: `))
    .map((line) => new Map([...line.matchAll(/(\w+): (\S+)/g)].map(([, name, value]) => [name!, value!])))
}

/** The JSON lines of a tool. */
export function jsonLines(output: string): unknown[] {
  return linesOf(output)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as unknown)
}

export function linesOf(output: string): string[] {
  return output.split('\n').filter((line) => line !== '')
}

/** A line of a table of groups: its cells by the names of their columns. */
export type Row = Readonly<Record<string, string>>

/** The tables of kafka-consumer-groups and kafka-groups, whose first column is GROUP. No cell has a space in it. */
export function rowsIn(output: string): Row[] {
  const lines = linesOf(output)
  const head = lines.findIndex((line) => /^GROUP\s/.test(line))
  if (head === -1) return []
  const names = cellsOf(lines[head]!)
  return lines.slice(head + 1).map((line) => {
    const cells = cellsOf(line)
    return Object.fromEntries(names.map((name, column) => [name, cells[column] ?? '']))
  })
}

function cellsOf(line: string): string[] {
  return line.trim().split(/\s+/)
}
