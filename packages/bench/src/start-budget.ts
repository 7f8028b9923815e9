/**
 * Owns what a broker's start costs, module by module. One process records which modules a start imports, a second one
 * imports them one at a time, dependencies first. Their sum is a little more than a real start, which loads many at once.
 *
 * Modules are our own files, Node's, and packages; what a package imports is counted as its own.
 */
import type { Disk } from '@ottla/base/disk.ts'
import { runCommand } from './child.ts'
import { nodeLauncher, sourceFile } from './paths.ts'
import { numberText, renderTable } from './report.ts'

export interface ModuleCost {
  /** As people read it: `broker/log/segment.ts`, `node:sqlite`, `Broker.start` for the start itself. */
  readonly name: string
  readonly ms: number
  /** By which the process grew. Memory comes in pages and in the heap's own steps, so small ones mean little. */
  readonly bytes: number
}

export interface StartBudget {
  /** In the order of loading. */
  readonly modules: readonly ModuleCost[]
  /** Of a process that has loaded nothing yet. */
  readonly bareBytes: number
  /** Once the broker serves. */
  readonly residentBytes: number
}

export type Import = readonly [from: string, to: string]

const RUN_MS_MAX = 60_000
const MEGABYTE = 1e6

/** `directory` is made and removed. */
export async function measureStartBudget(disk: Disk, directory: string): Promise<StartBudget> {
  disk.makeDirectory(directory)
  try {
    const imports = (await runScript<{ imports: Import[] }>('load/module-graph.ts', [`${directory}/graph`])).imports
    const order = JSON.stringify(loadOrder(imports))
    // Once for nothing: it fills the compile cache, as the install does for a broker.
    await runScript<RawCosts>('load/module-cost.ts', [order, `${directory}/warm`])
    const costs = await runScript<RawCosts>('load/module-cost.ts', [order, `${directory}/cost`])
    return { ...costs, modules: costs.modules.map(({ url, ms, bytes }) => ({ name: moduleName(url), ms, bytes })) }
  } finally {
    await disk.removeTree(directory)
  }
}

interface RawCosts {
  readonly bareBytes: number
  readonly residentBytes: number
  readonly modules: readonly { readonly url: string; readonly ms: number; readonly bytes: number }[]
}

/** Every module that our own files import, each behind all that it imports itself; cycles are entered where first met. */
export function loadOrder(imports: readonly Import[]): string[] {
  const targets = new Map<string, string[]>()
  for (const [from, to] of imports) {
    if (!isForeign(from) && canBeImported(to)) targets.set(from, [...(targets.get(from) ?? []), to])
  }
  const order = new Set<string>()
  const entered = new Set<string>()
  const visit = (url: string): void => {
    if (entered.has(url)) return
    entered.add(url)
    for (const target of targets.get(url) ?? []) visit(target)
    order.add(url)
  }
  const imported = new Set(imports.map(([, to]) => to))
  const roots = [...targets.keys()].filter((url) => !imported.has(url))
  for (const root of roots) visit(root)
  for (const root of roots) order.delete(root)
  return [...order]
}

/** The folder that a module counts to: `broker/log`, `node:`, `packages`. */
export function folderOf(name: string): string {
  if (name.startsWith('node:')) return 'node:'
  const slash = name.lastIndexOf('/')
  return slash < 0 ? name : name.slice(0, slash)
}

export function moduleName(url: string): string {
  const foreign = url.lastIndexOf('/node_modules/')
  if (foreign >= 0) return `packages/${url.slice(foreign + '/node_modules/'.length)}`
  return url.replace(/^.*\/packages\/([^/]+)\/src\//, '$1/')
}

export function renderStartBudget({ modules, bareBytes, residentBytes }: StartBudget): string {
  const folders = new Map<string, ModuleCost[]>()
  for (const cost of modules) folders.set(folderOf(cost.name), [...(folders.get(folderOf(cost.name)) ?? []), cost])
  const sums = [...folders].map(([name, costs]) => ({ ...sumOf(costs), name: `${name} (${costs.length})` }))
  const total = sumOf(modules)
  return [
    ...renderTable([['module', 'ms', 'MB'], ...costLines(modules)], [0]),
    '',
    ...renderTable([['folder (modules)', 'ms', 'MB'], ...costLines(sums)], [0]),
    '',
    `Bare Node ${megabytes(bareBytes)} MB; ${modules.length} steps took ${numberText(total.ms)} ms and ${megabytes(total.bytes)} MB; serving with ${megabytes(residentBytes)} MB resident`,
  ].join('\n')
}

/** The dearest first. */
function costLines(costs: readonly ModuleCost[]): string[][] {
  const sorted = [...costs].sort((left, right) => right.ms - left.ms)
  return sorted.map(({ name, ms, bytes }) => [name, ms.toFixed(2), megabytes(bytes)])
}

function sumOf(costs: readonly ModuleCost[]): ModuleCost {
  const add = (left: ModuleCost, right: ModuleCost) => ({
    name: '',
    ms: left.ms + right.ms,
    bytes: left.bytes + right.bytes,
  })
  return costs.reduce(add, { name: '', ms: 0, bytes: 0 })
}

function megabytes(bytes: number): string {
  return (bytes / MEGABYTE).toFixed(2)
}

async function runScript<T>(name: string, argv: readonly string[]): Promise<T> {
  const output = await runCommand(nodeLauncher, [sourceFile(name), ...argv], { timeoutMs: RUN_MS_MAX })
  return JSON.parse(output.trimEnd().split('\n').at(-1)!) as T
}

function isForeign(url: string): boolean {
  return url.startsWith('node:') || (url.includes('/node_modules/') && !url.includes('/node_modules/@ottla/'))
}

/** Addons and data are loaded by those that ask for them. */
function canBeImported(url: string): boolean {
  return url.startsWith('node:') || /\.[cm]?[jt]s$/.test(url)
}
