/** Owns `ottla log verify`: what of a data directory is damaged, what that means, and what a start makes anew. */
import { type Finding, verifyPath } from '@ottla/broker/log/inspection/verify.ts'
import { type CommandContext, print } from '../context.ts'
import { CommandError } from '../exit-codes.ts'
import { bytesText, countText } from '../output.ts'

export interface VerifyCommandOptions {
  readonly deep?: boolean
  readonly json?: boolean
}

/** Printed when it is told as often: damage may be everywhere. */
const WAITING_FINDINGS_MAX = 100_000

/** Fails where anything is damaged; what is built anew, and notes, are no failure. */
export async function verify(
  context: CommandContext,
  paths: readonly string[],
  options: VerifyCommandOptions,
): Promise<void> {
  const totals = { partitions: 0, segments: 0, batches: 0, bytes: 0, damages: 0, rebuilt: 0, notes: 0 }
  for (const path of paths) {
    const findings: Finding[] = []
    let untold = 0
    const report = (finding: Finding): void => {
      if (findings.length < WAITING_FINDINGS_MAX) findings.push(finding)
      else untold++
      if (finding.severity === 'damage') totals.damages++
      else if (finding.severity === 'rebuilt') totals.rebuilt++
      else totals.notes++
    }
    const deep = options.deep === true
    const verified = await verifyPath(path.replace(/\/+$/, ''), { disk: context.disk, deep, report })
    context.signal.throwIfAborted()
    for (const key of ['partitions', 'segments', 'batches', 'bytes'] as const) totals[key] += verified[key]
    for (const finding of findings) await print(context, options.json ? `${JSON.stringify(finding)}\n` : text(finding))
    if (untold > 0) await print(context, `and ${untold} more\n`)
  }
  await print(context, options.json ? `${JSON.stringify({ summary: totals })}\n` : summary(totals))
  if (totals.damages > 0)
    throw new CommandError(`${totals.damages} ${totals.damages === 1 ? 'place is' : 'places are'} damaged`)
}

function text({ severity, file, position, problem, meaning }: Finding): string {
  return `${severity} ${file}${position === null ? '' : ` at ${position}`}: ${problem} (${meaning})\n`
}

function summary({ segments, batches, bytes, damages, rebuilt, notes }: Record<string, number>): string {
  const read = `${countText(segments!)} segments, ${countText(batches!)} batches, ${bytesText(bytes!)}`
  return `${read}: ${damages} damaged, ${rebuilt} to be built anew, ${notes} notes\n`
}
