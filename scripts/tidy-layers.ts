/**
 * Who may import whom, as data: between the packages, and between the levels of the broker (ARCHITECTURE.md, layout).
 * An import of a type counts like any other here. Cycles are those that Node would load: types do not make one.
 */
import { type Finding, finding, importsOf, ownPath, type SourceUnit } from './tidy-source.ts'

interface PackageRule {
  /** Packages of which everything may be imported; '*' for all. */
  readonly imports: readonly string[] | '*'
  /** Of these packages only the files named. */
  readonly only?: Readonly<Record<string, readonly string[]>>
  /** And of these, in tests alone. */
  readonly inTests?: Readonly<Record<string, readonly string[]>>
}

const PACKAGES: Readonly<Record<string, PackageRule>> = {
  base: { imports: [] },
  protocol: { imports: ['base'] },
  client: { imports: ['base', 'protocol'] },
  // The command line holds no protocol code.
  cli: { imports: ['base', 'client'], only: { broker: ['log/inspection/dump.ts', 'log/inspection/verify.ts'] } },
  // A follower's fetch is a client too; who tests it needs somebody who answers.
  broker: {
    imports: ['base', 'protocol'],
    only: { client: ['connection.ts'] },
    inTests: { client: ['fake-broker.ts'] },
  },
  console: { imports: [], only: { broker: ['admin/api.ts'] } },
  simulator: { imports: '*' },
  // Other brokers, which the oracle asks and the bench measures, and the etcd of a cluster.
  bench: { imports: '*', only: { interop: ['interop/apache-kafka.ts', 'interop/etcd/etcd-process.ts'] } },
  interop: { imports: '*' },
  // What a user's program would import.
  examples: { imports: ['client'], only: { broker: ['broker.ts'] } },
  scripts: {
    imports: ['base'],
    only: {
      broker: ['testing/crash-run.ts', 'testing/log-crash/events.ts', 'testing/log-crash/seed-run.ts'],
      simulator: ['planted/bugs.ts', 'planted/plant.ts', 'seed-run.ts'],
    },
  },
}

/** Nobody imports these, but for files that a package names. */
const ENDS = ['simulator', 'bench', 'interop', 'examples', 'scripts']

interface BrokerPart {
  /** A folder with '/' at its end, or a file, below packages/broker/src. The first that fits counts. */
  readonly path: string
  /** Parts of one name may import each other, parts of one level may not. */
  readonly name: string
  readonly level: number
  /** May open connections to other brokers. */
  readonly connects?: true
}

const BROKER: readonly BrokerPart[] = [
  { path: 'metadata/image.ts', name: 'image', level: 0 },
  { path: 'config.ts', name: 'config', level: 0 },
  { path: 'config/', name: 'config', level: 0 },
  { path: 'log/', name: 'log', level: 1 },
  { path: 'metadata/', name: 'metadata', level: 1, connects: true },
  { path: 'security/', name: 'security', level: 1 },
  { path: 'quota/', name: 'quota', level: 1 },
  { path: 'partition/', name: 'partition', level: 2, connects: true },
  { path: 'coordinator/', name: 'coordinator', level: 3, connects: true },
  { path: 'handlers/', name: 'handlers', level: 4 },
  { path: 'network/', name: 'network', level: 5 },
  { path: 'admin/', name: 'admin', level: 5 },
  // What tests of any level share; no other file imports it.
  { path: 'testing/', name: 'testing', level: 7 },
]

/** `main.ts`, `broker.ts` and what stands beside them. */
const TOP: BrokerPart = { path: '', name: 'top', level: 6, connects: true }

export function layerFindings(units: readonly SourceUnit[]): Finding[] {
  const findings: Finding[] = []
  for (const unit of units) {
    for (const { specifier, node } of importsOf(unit)) {
      const target = ownPath(unit, specifier)
      const message = target === null ? null : whyNot(unit.path, target)
      if (message !== null) findings.push(finding(unit, node, 'layers', message))
    }
  }
  return [...findings, ...cycleFindings(units)]
}

function whyNot(from: string, to: string): string | null {
  const [source, target] = [packageOf(from), packageOf(to)]
  if (PACKAGES[source] === undefined) return `package "${source}" is not in the table of scripts/tidy-layers.ts`
  if (source === target) return source === 'broker' ? whyNotInBroker(from, to) : null
  const { imports, only, inTests } = PACKAGES[source]
  if (from.endsWith('.test.ts') && inTests?.[target]?.includes(insidePackage(to))) return null
  const files = only?.[target]
  if (ENDS.includes(target) && files === undefined) return `nobody imports ${target}`
  if (files === undefined && (imports === '*' || imports.includes(target))) return null
  if (files === undefined) return `${source} may not import ${target}`
  if (!files.includes(insidePackage(to))) return `${source} may import only ${files.join(', ')} of ${target}`
  if (source === 'broker' && brokerPart(from)?.connects !== true) return `${from} may not open connections`
  return null
}

function whyNotInBroker(from: string, to: string): string | null {
  const [source, target] = [brokerPart(from), brokerPart(to)]
  if (source === null || target === null) return `${from} or ${to} is in a folder that is not in the table`
  if (target.name === 'testing' && from.endsWith('.test.ts')) return null
  // The lowest level may be imported by all, its own files among them.
  if (source.name === target.name || target.level < source.level || target.level === 0) return null
  return `${source.name} (level ${source.level}) may not import ${target.name} (level ${target.level})`
}

function brokerPart(path: string): BrokerPart | null {
  const inside = insidePackage(path)
  const part = BROKER.find((candidate) =>
    candidate.path.endsWith('/') ? inside.startsWith(candidate.path) : isFileOrItsTest(inside, candidate.path),
  )
  return part ?? (inside.includes('/') ? null : TOP)
}

function isFileOrItsTest(path: string, file: string): boolean {
  return path === file || path === file.replace(/\.ts$/, '.test.ts')
}

/** `packages/<name>/…`, `interop/…`, `examples/…` or `scripts/…`. */
function packageOf(path: string): string {
  const [first = '', second = ''] = path.split('/')
  return first === 'packages' ? second : first
}

function insidePackage(path: string): string {
  return path.replace(/^packages\/[^/]+\/src\//, '')
}

/** Files that import each other in a circle, each circle once. */
function cycleFindings(units: readonly SourceUnit[]): Finding[] {
  const byPath = new Map(units.map((unit) => [unit.path, unit]))
  const done = new Set<string>()
  const findings: Finding[] = []
  const visit = (unit: SourceUnit, way: readonly string[]): void => {
    if (done.has(unit.path)) return
    for (const { specifier, node, isErased } of importsOf(unit)) {
      const target = byPath.get(ownPath(unit, specifier) ?? '')
      if (target === undefined || isErased) continue
      const start = [...way, unit.path].indexOf(target.path)
      if (start < 0) visit(target, [...way, unit.path])
      else findings.push(cycle(unit, node, [...way, unit.path].slice(start)))
    }
    done.add(unit.path)
  }
  for (const unit of units) visit(unit, [])
  return findings
}

function cycle(unit: SourceUnit, node: Parameters<typeof finding>[1], paths: readonly string[]): Finding {
  return finding(unit, node, 'cycle', [...paths, paths[0]].join(' → '))
}
