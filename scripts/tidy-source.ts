/**
 * What every rule of tidy works on: the parsed files of the project, and findings. Owns the only contact with the
 * compiler, whose programming interface is not stable yet (TypeScript is pinned to an exact version for that).
 */
import { dirname, join, relative } from 'node:path'
import { type Node, type SourceFile, SyntaxKind } from 'typescript/unstable/ast'
import { API } from 'typescript/unstable/sync'

export interface SourceUnit {
  /** From the root of the repository, with '/'. */
  readonly path: string
  readonly source: SourceFile
  readonly isTest: boolean
}

export interface Finding {
  readonly path: string
  readonly line: number
  readonly rule: string
  readonly message: string
}

export interface Import {
  /** As it is written. */
  readonly specifier: string
  readonly node: Node
  /** Type stripping erases it: nothing is loaded. */
  readonly isErased: boolean
}

/** Parses all files that the project's tsconfig.json names. */
export function readProject(root: string): SourceUnit[] {
  const compiler = new API({ cwd: root })
  try {
    return parseProject(compiler, root)
  } finally {
    compiler.close()
  }
}

/** As `readProject`, by a compiler that runs already. */
export function parseProject(compiler: API, root: string): SourceUnit[] {
  const configPath = join(root, 'tsconfig.json')
  using snapshot = compiler.updateSnapshot({ openProjects: [configPath] })
  const project = snapshot.getProject(configPath)
  if (project === undefined) throw new Error(`Cannot read the project at "${root}"`)
  return project.rootFiles.map((fileName) => {
    const source = project.program.getSourceFile(fileName)
    if (source === undefined) throw new Error(`Cannot read "${fileName}"`)
    const path = relative(root, fileName).replaceAll('\\', '/')
    return { path, source, isTest: path.endsWith('.test.ts') }
  })
}

export function finding(unit: SourceUnit, node: Node, rule: string, message: string): Finding {
  return { path: unit.path, line: lineOf(unit.source, node.getStart(unit.source)), rule, message }
}

/** Counted from 1. */
export function lineOf(source: SourceFile, position: number): number {
  return source.getLineAndCharacterOfPosition(position).line + 1
}

/** The node and all below it, parents first. */
export function* descendants(node: Node): Generator<Node> {
  yield node
  const children: Node[] = []
  node.forEachChild((child) => {
    children.push(child)
  })
  for (const child of children) yield* descendants(child)
}

/** Every module that the file names: import, export from, import types, import(), getBuiltinModule() and require(). */
export function* importsOf(unit: SourceUnit): Generator<Import> {
  for (const node of descendants(unit.source)) {
    const literal = moduleLiteral(node)
    if (literal !== undefined) yield { specifier: literal.text, node: literal, isErased: isErased(node) }
  }
}

/** `import { type A }` is not: what is left of it still loads the module. */
export function isErased(node: Node): boolean {
  return node.kind === SyntaxKind.ImportType || /^(import|export)\s+type\b/.test(node.getText())
}

interface Literal extends Node {
  readonly text: string
}

function moduleLiteral(node: Node): Literal | undefined {
  if (node.kind === SyntaxKind.ImportDeclaration || node.kind === SyntaxKind.ExportDeclaration) {
    return asLiteral((node as Node & { moduleSpecifier?: Node }).moduleSpecifier)
  }
  if (node.kind === SyntaxKind.ImportType) {
    const { argument } = node as Node & { argument?: Node & { literal?: Node } }
    return asLiteral(argument?.literal)
  }
  if (node.kind !== SyntaxKind.CallExpression) return undefined
  const { expression, arguments: given } = node as Node & { expression: Node; arguments: readonly Node[] }
  const loads =
    expression.kind === SyntaxKind.ImportKeyword || /(^|\.)(getBuiltinModule|require)$/.test(expression.getText())
  return loads ? asLiteral(given[0]) : undefined
}

function asLiteral(node: Node | undefined): Literal | undefined {
  const isText = node?.kind === SyntaxKind.StringLiteral || node?.kind === SyntaxKind.NoSubstitutionTemplateLiteral
  return isText ? (node as Literal) : undefined
}

/** The repository's path of an imported file of ours; null for a module of Node or of npm. */
export function ownPath(unit: SourceUnit, specifier: string): string | null {
  if (specifier.startsWith('.')) return join(dirname(unit.path), specifier).replaceAll('\\', '/')
  const [, packageName, file] = /^@ottla\/([^/]+)\/(.+)$/.exec(specifier) ?? []
  return packageName === undefined ? null : `packages/${packageName}/src/${file}`
}
