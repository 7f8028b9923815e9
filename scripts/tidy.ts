/**
 * Our lint as a test: who imports whom, what is not deterministic, state in modules, `any`, and sizes. Prints the sizes,
 * then each finding as file:line: rule: message; the exit code is 1 when there is one. Each rule has a file `tidy-….ts`.
 */
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bindingFindings } from './tidy-bindings.ts'
import { layerFindings } from './tidy-layers.ts'
import { purityFindings } from './tidy-purity.ts'
import { sizeReport } from './tidy-sizes.ts'
import { type Finding, readProject, type SourceUnit } from './tidy-source.ts'

export function tidyFindings(units: readonly SourceUnit[]): Finding[] {
  const findings = [layerFindings, purityFindings, bindingFindings].flatMap((rule) => rule(units))
  return [...findings, ...sizeReport(units).findings].sort(
    (left, right) => left.path.localeCompare(right.path) || left.line - right.line,
  )
}

function main(root: string): number {
  const units = readProject(root)
  console.log(sizeReport(units).text)
  const findings = tidyFindings(units)
  for (const { path, line, rule, message } of findings) console.error(`${path}:${line}: ${rule}: ${message}`)
  return findings.length === 0 ? 0 : 1
}

if (import.meta.main) process.exitCode = main(dirname(dirname(fileURLToPath(import.meta.url))))
