/**
 * Owns docs/oracle-coverage.md: every line of `semantics.md` (what Kafka's brokers answer, check by check), numbered by
 * section and line, with the scenarios that cover it. The document is also where the lines live, so that nothing
 * outside the repository is needed; `--from FILE` as the only words takes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import type { AnyApi } from '@ottla/protocol/codec.ts'
import { SCENARIOS, versionsOf } from './scenarios/index.ts'
import { WAITS_FOR } from './waits-for.ts'

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

/** Lines that are said to wait for something, and are covered or do not exist. */
export function staleWaits(): string[] {
  const uncovered = new Set(uncoveredIds())
  return Object.keys(WAITS_FOR).filter((id) => !uncovered.has(id))
}

export interface ApiNumbers {
  readonly api: AnyApi
  readonly scenarios: number
  /** One for each step of a scenario in each version; a connection that is closed counts as a reply. */
  readonly replies: number
}

/** In the order of the APIs' keys. */
export function numbersByApi(): ApiNumbers[] {
  const byApi = Map.groupBy(SCENARIOS, ({ api }) => api)
  const rows = [...byApi].map(([api, scenarios]) => ({
    ...{ api, scenarios: scenarios.length },
    replies: scenarios.reduce((sum, scenario) => sum + scenario.steps.length * versionsOf(scenario).length, 0),
  }))
  return rows.toSorted((a, b) => a.api.key - b.api.key)
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
  const uncovered = lines.filter(({ id }) => !scenariosOf.has(id))
  const waiting = uncovered.filter(({ id }) => id in WAITS_FOR).length
  const parts = sections.map(({ title, lines }) => {
    const rows = lines.flatMap(({ id, text }) => {
      const titles = scenariosOf.get(id)?.map((scenario) => scenario.title) ?? [absenceText(id)]
      return [`- \`${id}\` ${text}`, ...titles.map((name) => `  - ${name}`)]
    })
    return [`## ${title}`, '', ...rows, ''].join('\n')
  })
  const total = `**${lines.length} lines, ${uncovered.length} without a scenario, of which ${waiting} wait for something.**\n`
  return [HEAD, numbersText(), total, ...parts].join('\n')
}

function absenceText(id: string): string {
  const reason = WAITS_FOR[id]
  return reason === undefined ? '**none**' : `**none**: waits for ${reason}`
}

function numbersText(): string {
  const numbers = numbersByApi()
  const sum = (of: 'scenarios' | 'replies') => numbers.reduce((total, row) => total + row[of], 0)
  const rows = numbers.map(({ api, scenarios, replies }) => {
    return `| ${api.name} (${api.key}) | ${api.versions.join('–')} | ${scenarios} | ${replies} |`
  })
  return [
    '| API | versions | scenarios | replies compared |',
    '| --- | --- | ---: | ---: |',
    ...rows,
    `| **all** | | **${sum('scenarios')}** | **${sum('replies')}** |`,
    '',
  ].join('\n')
}

const HEAD = `# What the oracle covers

Every line of Kafka's behaviour that we hold ourselves to, with the scenarios of \`interop/oracle\` that ask Apache Kafka
and Ottla about it. Written by \`interop/oracle/coverage.ts\`; \`interop/oracle/oracle.test.ts\` fails when it is not up to
date. The number of lines without a scenario may only fall. A scenario is asked in each version that it is meant for, and
each of its steps is one reply that is compared; a connection that is closed, or stays silent, counts as one.
`

if (import.meta.main) {
  const [option, path] = process.argv.slice(2)
  if (option === '--from' && path !== undefined) writeFileSync(DOCUMENT, textOf(numbered(readFileSync(path, 'utf8'))))
  else writeCoverage()
}
