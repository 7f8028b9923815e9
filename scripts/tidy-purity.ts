/**
 * Keeps everything that is not deterministic inside packages/base: time, timers, randomness, files, sockets, threads,
 * and promises made by hand. Owns the lists of what is banned and the exceptions, each with its reason.
 */
import { type Node, SyntaxKind } from 'typescript/unstable/ast'
import { descendants, type Finding, finding, importsOf, isErased, type SourceUnit } from './tidy-source.ts'

/** Free to use everything. */
const EXEMPT = ['packages/base/', 'packages/bench/', 'interop/', 'examples/', 'scripts/']

const BANNED_GLOBALS = new Set([
  ...['Date', 'performance', 'FinalizationRegistry', 'WeakRef', 'crypto', 'process', 'fetch', 'WebSocket', 'Worker'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
])

/** Members of globals that are otherwise free. */
const BANNED_MEMBERS = new Set([
  'AbortSignal.timeout',
  'Math.random',
  'Promise.withResolvers',
  'Atomics.wait',
  'Atomics.waitAsync',
])

const BANNED_MODULES = new Set([
  ...[
    'node:fs',
    'node:fs/promises',
    'node:net',
    'node:tls',
    'node:dgram',
    'node:dns',
    'node:http',
    'node:https',
    'node:http2',
  ],
  ...[
    'node:worker_threads',
    'node:child_process',
    'node:cluster',
    'node:timers',
    'node:timers/promises',
    'node:perf_hooks',
  ],
  ...['node:process', 'node:os', 'node:events', 'node:async_hooks', 'node:sqlite', '@grpc/grpc-js'],
])

/** Of these modules only what is named is deterministic and synchronous. */
const PARTLY_FREE: Readonly<Record<string, RegExp>> = {
  'node:zlib': /Sync$|^constants$|^crc32$|Options$/,
  'node:crypto':
    /Sync$|^create(Hash|Hmac|PublicKey|PrivateKey|Sign|Verify)$|^timingSafeEqual$|^hash$|^getHashes$|^X509Certificate$|^KeyObject$/,
}

/** Where one file may use what the others may not. */
const ADAPTERS: Readonly<Record<string, readonly string[]>> = {
  // The metadata stores are ports of their own.
  'packages/broker/src/metadata/sqlite-store.ts': ['node:sqlite'],
  'packages/broker/src/metadata/etcd/connection.ts': ['@grpc/grpc-js'],
  // Arguments, signals and the exit code are the process's own.
  'packages/broker/src/main.ts': ['process', 'Promise.withResolvers'],
  'packages/broker/src/default-ports.ts': ['process'],
  'packages/cli/src/main.ts': ['process'],
  'packages/simulator/src/main.ts': ['process', 'node:child_process'],
}

/** What tests need to reach the real system, or to start and wait for what they test. */
const TEST_MODULES = ['fs', 'fs/promises', 'os', 'path', 'child_process', 'net', 'events', 'sqlite'].map(
  (name) => `node:${name}`,
)
const TEST_NAMES = new Set([...TEST_MODULES, 'process', 'new Promise', 'Promise.withResolvers'])

/** Tests that need real timers, and why. Add here what a fake clock cannot show. */
const REAL_TIME_TESTS: Readonly<Record<string, readonly string[]>> = {}

export function purityFindings(units: readonly SourceUnit[]): Finding[] {
  return units.filter(({ path }) => !EXEMPT.some((folder) => path.startsWith(folder))).flatMap(unitFindings)
}

function unitFindings(unit: SourceUnit): Finding[] {
  const found: Finding[] = []
  for (const [name, node] of impurities(unit)) {
    if (!isAllowed(unit, name)) found.push(finding(unit, node, 'purity', `${name} belongs to packages/base`))
  }
  return found
}

function isAllowed(unit: SourceUnit, name: string): boolean {
  if (ADAPTERS[unit.path]?.includes(name)) return true
  return unit.isTest && (TEST_NAMES.has(name) || REAL_TIME_TESTS[unit.path]?.includes(name) === true)
}

function* impurities(unit: SourceUnit): Generator<[string, Node]> {
  for (const { specifier, node, isErased } of importsOf(unit)) {
    if (isErased) continue
    const module = /^(?:@|node:)/.test(specifier) ? specifier : `node:${specifier}`
    if (BANNED_MODULES.has(module)) yield [module, node]
  }
  const declared = declaredNames(unit)
  for (const node of descendants(unit.source)) {
    yield* partlyFreeImports(unit, node)
    if (node.kind === SyntaxKind.Identifier && isFreeReference(node) && !declared.has(textOf(node))) {
      const name = bannedName(node)
      if (name !== null) yield [name, node]
    }
  }
}

/** What a use of a global is called in the lists, or null when it is free. */
function bannedName(node: Node): string | null {
  const name = textOf(node)
  const member = memberOf(node)
  if (name === 'Promise' && node.parent.kind === SyntaxKind.NewExpression) return 'new Promise'
  if (name === 'globalThis' && member !== null && BANNED_GLOBALS.has(member)) return member
  if (name === 'global') return 'global'
  if (BANNED_GLOBALS.has(name)) return name
  return member !== null && BANNED_MEMBERS.has(`${name}.${member}`) ? `${name}.${member}` : null
}

/** `b` of `a.b` and of `a['b']`, where the node is `a`. */
function memberOf(node: Node): string | null {
  const parent = node.parent as Node & { expression?: Node; name?: Node; argumentExpression?: Node }
  if (parent.expression !== node) return null
  const member = parent.name ?? parent.argumentExpression
  return member === undefined ? null : textOf(member)
}

/** A name that stands for a value: no property, no key, no type. */
function isFreeReference(node: Node): boolean {
  const parent = node.parent as Node & { name?: Node; propertyName?: Node }
  if (parent.kind === SyntaxKind.ShorthandPropertyAssignment) return true
  if (parent.kind === SyntaxKind.TypeReference || parent.kind === SyntaxKind.QualifiedName) return false
  return parent.name !== node && parent.propertyName !== node
}

/** Names that the file itself gives a meaning to: parameters, variables, functions, imports. */
function declaredNames(unit: SourceUnit): Set<string> {
  const kinds = [
    ...[SyntaxKind.Parameter, SyntaxKind.VariableDeclaration, SyntaxKind.BindingElement, SyntaxKind.ImportSpecifier],
    ...[
      SyntaxKind.FunctionDeclaration,
      SyntaxKind.ClassDeclaration,
      SyntaxKind.ImportClause,
      SyntaxKind.NamespaceImport,
    ],
  ]
  const names = new Set<string>()
  for (const node of descendants(unit.source)) {
    const { name } = node as Node & { name?: Node }
    if (kinds.includes(node.kind) && name?.kind === SyntaxKind.Identifier) names.add(textOf(name))
  }
  return names
}

/** Names taken from a module that is free in parts, and members used of such a module as a whole. */
function* partlyFreeImports(unit: SourceUnit, node: Node): Generator<[string, Node]> {
  if (node.kind !== SyntaxKind.ImportDeclaration || isErased(node)) return
  const { moduleSpecifier, importClause } = node as Node & { moduleSpecifier: Node; importClause?: ImportClause }
  const module = `node:${textOf(moduleSpecifier).replace(/^node:/, '')}`
  const free = PARTLY_FREE[module]
  if (free === undefined || importClause === undefined) return
  const { name, namedBindings } = importClause
  for (const { name: local, propertyName } of namedBindings?.elements ?? []) {
    const imported = textOf(propertyName ?? local)
    if (!free.test(imported)) yield [`${module} ${imported}`, local]
  }
  for (const whole of [name, namedBindings?.name])
    if (whole !== undefined) yield* usedMembers(unit, whole, { module, free })
}

interface ImportClause extends Node {
  readonly name?: Node
  readonly namedBindings?: Node & { name?: Node; elements?: readonly { name: Node; propertyName?: Node }[] }
}

function* usedMembers(
  unit: SourceUnit,
  whole: Node,
  { module, free }: { module: string; free: RegExp },
): Generator<[string, Node]> {
  for (const node of descendants(unit.source)) {
    if (node.kind !== SyntaxKind.Identifier || textOf(node) !== textOf(whole) || !isFreeReference(node)) continue
    const member = memberOf(node)
    if (member === null || !free.test(member)) yield [`${module} ${member ?? 'as a value'}`, node]
  }
}

function textOf(node: Node): string {
  return (node as Node & { text?: string }).text ?? node.getText()
}
