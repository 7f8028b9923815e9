/**
 * Runs Apache Kafka's own tools against a broker of ours: `scripts/node26 interop/tools/run.ts [NAME…]
 * [--transcript FILE]`. A NAME chooses the checks that have it in their names. See interop/README.md for what it needs.
 */
import { parseArgs } from 'node:util'
import { KAFKA_VERSION } from '../apache-kafka.ts'
import { BrokerProcess } from '../broker-process.ts'
import { type Named, runParts } from '../run-parts.ts'
import { TempDirectory } from '../temp-directory.ts'
import type { Step } from '../transcript.ts'
import { TOOL_CHECKS } from './checks.ts'
import type { ToolCheck } from './tool-check.ts'
import { ToolSession } from './tool-session.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { transcript: { type: 'string' } } })

using directory = new TempDirectory('tools')
const dataDir = directory.of('data')
await using broker = await BrokerProcess.start({ dataDir, args: ['--set', 'group.initial.rebalance.delay.ms=0'] })
const facts = [`Apache Kafka's tools ${KAFKA_VERSION}, each started anew`, 'one Ottla, its data on a real disk']
const all = TOOL_CHECKS.map(part)
process.exitCode = await runParts(all, {
  ...{ title: "Kafka's tools against Ottla", facts, wanted: positionals },
  ...(values.transcript === undefined ? {} : { transcriptPath: values.transcript }),
})

function part(check: ToolCheck): Named {
  const { name } = check
  if ('waitsFor' in check) return { name, waitsFor: check.waitsFor }
  const run = async (steps: Step[]): Promise<string> => {
    await check.run(new ToolSession({ address: broker, dataDir, directory, steps }))
    return ''
  }
  return { name, run }
}
