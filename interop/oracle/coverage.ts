/**
 * Owns docs/oracle-coverage.md: every line of `semantics.md` (what Kafka's brokers answer, check by check), numbered by
 * section and line, with the scenarios that cover it. The document is also where the lines live, so that nothing
 * outside the repository is needed; `--from FILE` as the only words takes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { SCENARIOS } from './scenarios/index.ts'

const DOCUMENT = new URL('../../docs/oracle-coverage.md', import.meta.url)

export interface SemanticsLine {
  /** `4.12`: the twelfth line of section 4. */
  readonly id: string
  readonly text: string
}

interface Section {
  readonly title: string
  readonly lines: readonly SemanticsLine[]
}

const LINE = /^- `(\d+\.\d+)` (.*)$/

/** The document as it should be, from the lines that it holds now. */
export function coverageText(): string {
  return textOf(sectionsOf(readFileSync(DOCUMENT, 'utf8')))
}

export function coverageNow(): string {
  return readFileSync(DOCUMENT, 'utf8')
}

export function writeCoverage(): void {
  writeFileSync(DOCUMENT, coverageText())
}

/** Ids that scenarios name and the document does not have. */
export function unknownIds(): string[] {
  const known = new Set(sectionsOf(coverageNow()).flatMap(({ lines }) => lines.map(({ id }) => id)))
  return [...new Set(SCENARIOS.flatMap(({ covers }) => covers))].filter((id) => !known.has(id))
}

/** Lines that no scenario covers. */
export function uncoveredIds(): string[] {
  const covered = new Set(SCENARIOS.flatMap(({ covers }) => covers))
  const ids = sectionsOf(coverageNow()).flatMap(({ lines }) => lines.map(({ id }) => id))
  return ids.filter((id) => !covered.has(id))
}

function sectionsOf(text: string): Section[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [title = '', ...rows] = part.split('\n')
      const lines = rows.flatMap((row) => {
        const match = LINE.exec(row)
        return match === null ? [] : [{ id: match[1]!, text: match[2]! }]
      })
      return { title, lines }
    })
}

/** Numbers the lines of semantics.md. */
function numbered(text: string): Section[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [title = '', ...rows] = part.split('\n')
      const section = title.split('.')[0]!
      const texts = rows.map((row) => row.replace(/^\s*-?\s*/, '').trim()).filter((row) => row !== '')
      return { title, lines: texts.map((line, i) => ({ id: `${section}.${i + 1}`, text: line })) }
    })
}

function textOf(sections: readonly Section[]): string {
  const scenariosOf = Map.groupBy(
    SCENARIOS.flatMap(({ api, name, covers }) => covers.map((id) => ({ id, title: `${api.name}: ${name}` }))),
    ({ id }) => id,
  )
  const lines = sections.flatMap((section) => section.lines)
  const uncovered = lines.filter(({ id }) => !scenariosOf.has(id)).length
  const parts = sections.map(({ title, lines }) => {
    const rows = lines.flatMap(({ id, text }) => {
      const titles = scenariosOf.get(id)?.map((scenario) => scenario.title) ?? []
      return [`- \`${id}\` ${text}`, ...(titles.length === 0 ? ['  - **none**'] : titles.map((name) => `  - ${name}`))]
    })
    return [`## ${title}`, '', ...rows, ''].join('\n')
  })
  return [HEAD, `**${lines.length} lines, ${uncovered} without a scenario.**\n`, ...parts].join('\n')
}

const HEAD = `# What the oracle covers

Every line of Kafka's behaviour that we hold ourselves to, with the scenarios of \`interop/oracle\` that ask Apache Kafka
and Ottla about it. Written by \`interop/oracle/coverage.ts\`; \`interop/oracle/oracle.test.ts\` fails when it is not up to
date. The number of lines without a scenario may only fall.
`

if (import.meta.main) {
  const [option, path] = process.argv.slice(2)
  if (option === '--from' && path !== undefined) writeFileSync(DOCUMENT, textOf(numbered(readFileSync(path, 'utf8'))))
  else writeCoverage()
}
