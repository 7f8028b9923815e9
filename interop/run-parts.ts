/**
 * Owns running named parts one after another: which are wanted, what came of each, a line for each as it ends, and the
 * transcript of all. A part fails by throwing; the others are run all the same.
 */
import { writeFileSync } from 'node:fs'
import { type Part, type Step, transcriptText } from './transcript.ts'

/** A part that cannot be run here, for this reason: a tool or a package is missing. */
export class SkipError extends Error {
  override readonly name = 'SkipError'
}

export type Named =
  | {
      readonly name: string
      /** Writes down what it does. Answers with what it found, empty where that is not worth a note. Throws SkipError. */
      readonly run: (steps: Step[]) => Promise<string>
    }
  | { readonly name: string; readonly waitsFor: string }

export interface RunPartsOptions {
  readonly title: string
  readonly facts: readonly string[]
  /** A part is run when its name has one of these in it; all are when there is none. */
  readonly wanted: readonly string[]
  readonly transcriptPath?: string
}

/** The exit code: 0 when nothing failed. */
export async function runParts(all: readonly Named[], options: RunPartsOptions): Promise<number> {
  const { wanted, transcriptPath } = options
  const chosen = chosenParts(all, wanted)
  const parts: Part[] = []
  for (const named of chosen) {
    const startMs = performance.now()
    const part = await runPart(named)
    parts.push(part)
    const { name, outcome, note = '' } = part
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
    process.stdout.write(`${outcome.padEnd(8)} ${name} (${seconds} s)${note === '' ? '' : `: ${note}`}\n`)
  }
  if (transcriptPath !== undefined) writeFileSync(transcriptPath, transcriptText({ ...options, parts }))
  const failed = parts.filter(({ outcome }) => outcome === 'failed').length
  process.stdout.write(`${parts.length} parts, ${failed} failed\n`)
  return failed === 0 ? 0 : 1
}

/** Throws where a name chooses nothing: it would otherwise look like success. */
export function chosenParts<T extends { readonly name: string }>(all: readonly T[], wanted: readonly string[]): T[] {
  for (const word of wanted) {
    if (!all.some(({ name }) => name.includes(word)))
      throw new Error(`Cannot run "${word}": nothing has it in its name`)
  }
  return all.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)))
}

async function runPart(named: Named): Promise<Part> {
  const { name } = named
  if ('waitsFor' in named) return { name, outcome: 'waiting', note: `for ${named.waitsFor}` }
  const steps: Step[] = []
  try {
    const note = await named.run(steps)
    return { name, outcome: 'passed', steps, note }
  } catch (error) {
    const note = error instanceof Error ? error.message : String(error)
    return { name, outcome: error instanceof SkipError ? 'skipped' : 'failed', note, steps }
  }
}
