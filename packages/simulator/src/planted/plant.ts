/**
 * Plants a bug in this process: rewrites the source text of the files concerned while Node loads them, before their
 * types are stripped. So the production code has no switch for it, pays nothing, and what runs is all of it but for the
 * edits. A process in which one of those files is loaded already cannot be planted in: import what is to be broken after.
 */
import { registerHooks } from 'node:module'
import { assert } from '@ottla/base/assert.ts'
import type { PlantedBug } from './bugs.ts'

/** Of packages/. */
const ROOT = new URL('../../../', import.meta.url).href

export interface Planting {
  /** The files that were loaded with their edits. */
  readonly planted: ReadonlySet<string>
}

export function plant(bug: PlantedBug): Planting {
  const planted = new Set<string>()
  const files = new Set(bug.edits.map(({ file }) => file))
  registerHooks({
    load: (url, context, next) => {
      const loaded = next(url, context)
      const file = url.startsWith(ROOT) ? url.slice(ROOT.length) : null
      if (file === null || !files.has(file)) return loaded
      planted.add(file)
      return { ...loaded, source: edited(bug, { file, source: String(loaded.source) }) }
    },
  })
  return { planted }
}

/** The text of one of the bug's files with its edits. Throws where one of them does not fit. */
export function edited({ name, edits }: PlantedBug, { file, source }: { file: string; source: string }): string {
  let text = source
  for (const { from, to } of edits.filter((edit) => edit.file === file)) {
    const parts = text.split(from)
    assert(parts.length === 2, `Cannot plant "${name}": ${file} has ${parts.length - 1} places that read: ${from}`)
    text = parts.join(to)
  }
  return text
}
