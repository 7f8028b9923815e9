/** How long files and functions are: beyond the wall they fail, beyond the goal they are listed. */
import { type Node, SyntaxKind } from 'typescript/unstable/ast'
import { isFunction } from './tidy-bindings.ts'
import { descendants, type Finding, lineOf, type SourceUnit } from './tidy-source.ts'

const FILE_LINES_GOAL = 300
const FILE_LINES_MAX = 500
const FUNCTION_LINES_GOAL = 30
const FUNCTION_LINES_MAX = 70

interface Measured {
  readonly path: string
  readonly line: number
  readonly name: string
  readonly lines: number
}

export interface SizeReport {
  readonly findings: Finding[]
  readonly text: string
}

export function sizeReport(units: readonly SourceUnit[]): SizeReport {
  const files = units.map(measureFile)
  const functions = units.flatMap(measureFunctions)
  const findings = [
    ...tooLong(files, { linesMax: FILE_LINES_MAX, what: 'a file' }),
    ...tooLong(functions, { linesMax: FUNCTION_LINES_MAX, what: 'a function' }),
  ]
  const text = [
    summary('files', files),
    ...listed(files, FILE_LINES_GOAL),
    summary('functions', functions),
    ...listed(functions, FUNCTION_LINES_GOAL),
  ].join('\n')
  return { findings, text }
}

function measureFile({ path, source }: SourceUnit): Measured {
  const lines = source.getLineStarts().length - (source.text.endsWith('\n') ? 1 : 0)
  return { path, line: 1, name: path, lines }
}

function measureFunctions(unit: SourceUnit): Measured[] {
  const functions = [...descendants(unit.source)].filter((node) => isFunction(node) && !listsTests(node))
  return functions.map((node) => {
    const line = lineOf(unit.source, node.getStart(unit.source))
    return { path: unit.path, line, name: nameOf(node), lines: lineOf(unit.source, node.end) - line + 1 }
  })
}

/** The function of a `describe` and a contract suite's are lists of tests, not something to be read in one pass. */
function listsTests(node: Node): boolean {
  const { statements = [] } = (node as Node & { body: Node & { statements?: readonly Node[] } }).body
  return statements.some((statement) => /^(test|describe|it)\b/.test(statement.getText()))
}

function nameOf(node: Node): string {
  const named = node as Node & { name?: Node }
  const owner = node.parent as Node & { name?: Node }
  const name = named.name ?? (owner.kind === SyntaxKind.VariableDeclaration ? owner.name : undefined)
  return name?.getText() ?? (node.kind === SyntaxKind.Constructor ? 'constructor' : 'a function value')
}

function tooLong(measured: readonly Measured[], { linesMax, what }: { linesMax: number; what: string }): Finding[] {
  return measured
    .filter(({ lines }) => lines > linesMax)
    .map(({ path, line, name, lines }) => ({
      path,
      line,
      rule: 'size',
      message: `${name} has ${lines} lines; ${what} has at most ${linesMax}`,
    }))
}

function summary(what: string, measured: readonly Measured[]): string {
  const lines = measured.map((one) => one.lines).sort((left, right) => left - right)
  const at = (share: number) => lines[Math.max(0, Math.ceil(lines.length * share) - 1)] ?? 0
  return `${lines.length} ${what}: lines p50 ${at(0.5)}, p90 ${at(0.9)}, max ${at(1)}`
}

function listed(measured: readonly Measured[], linesGoal: number): string[] {
  const long = measured.filter(({ lines }) => lines > linesGoal).sort((left, right) => right.lines - left.lines)
  return long.map(
    ({ path, line, name, lines }) => `  ${lines} lines: ${path === name ? path : `${path}:${line} ${name}`}`,
  )
}
