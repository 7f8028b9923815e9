/**
 * Java's properties format, as far as configuration files use it: `key=value`, `key: value` or `key value` a line,
 * comments after # or !, a line going on after a backslash at its end, escapes \t \n \r \f \uXXXX and \ before anything
 * else. A later line replaces an earlier one of the same key. A byte order mark is skipped.
 */
export interface Property {
  readonly key: string
  readonly value: string
  /** From 1: where the entry begins. */
  readonly line: number
}

export class PropertiesError extends Error {
  override readonly name = 'PropertiesError'
}

/** The entries in the order of the file, with a key's repetitions. */
export function parseProperties(text: string): Property[] {
  return logicalLines(text.replace(/^\uFEFF/, '')).map(parseEntry)
}

interface Line {
  readonly text: string
  readonly number: number
}

function logicalLines(text: string): Line[] {
  const lines: Line[] = []
  let open: { text: string; number: number } | null = null
  for (const [i, natural] of text.split(/\r\n|\r|\n/).entries()) {
    const content = natural.replace(/^[ \t\f]+/, '')
    // A comment or an empty line ends nothing and joins nothing, unless it goes on a line before it.
    if (open === null && (content === '' || content.startsWith('#') || content.startsWith('!'))) continue
    const line: { text: string; number: number } = open ?? { text: '', number: i + 1 }
    const goesOn = endsWithOddBackslashes(content)
    line.text += goesOn ? content.slice(0, -1) : content
    open = goesOn ? line : null
    if (!goesOn) lines.push(line)
  }
  if (open !== null) lines.push(open)
  return lines
}

function endsWithOddBackslashes(text: string): boolean {
  const backslashes = /\\*$/.exec(text)![0].length
  return backslashes % 2 === 1
}

function parseEntry({ text, number }: Line): Property {
  const key = /^(\\.|[^\\=: \t\f])*/.exec(text)![0]
  const value = text.slice(key.length).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '')
  return { key: resolveEscapes(key, number), value: resolveEscapes(value, number), line: number }
}

const ESCAPES: { readonly [letter: string]: string } = { t: '\t', n: '\n', r: '\r', f: '\f' }

function resolveEscapes(text: string, line: number): string {
  return text.replace(/\\(u([0-9a-fA-F]{4})?|.)/g, (_, escaped: string, digits?: string) => {
    if (digits !== undefined) return String.fromCharCode(Number.parseInt(digits, 16))
    if (escaped === 'u') throw new PropertiesError(`Line ${line}: \\u needs four hexadecimal digits`)
    return ESCAPES[escaped] ?? escaped
  })
}
