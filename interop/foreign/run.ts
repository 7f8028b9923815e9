/**
 * Runs other people's clients against a broker of ours: `scripts/node26 interop/foreign/run.ts [NAME…]
 * [--transcript FILE]`. A NAME chooses the clients that have it in their names. See interop/README.md for what each needs.
 */
import assert from 'node:assert/strict'
import { parseArgs } from 'node:util'
import { BrokerProcess } from '../broker-process.ts'
import { connect } from '../cluster.ts'
import { run } from '../processes.ts'
import { CODECS } from '../round-trip-clients.ts'
import { runParts } from '../run-parts.ts'
import { TempDirectory } from '../temp-directory.ts'
import type { Step } from '../transcript.ts'
import { FOREIGN_CLIENTS, type ForeignClient } from './clients.ts'
import { type Said, saidIn } from './said.ts'
import { checkGroup } from './stored-groups.ts'
import { checkStored } from './stored-records.ts'

/** Of each codec. */
const RECORDS = 1_000
const ALL = RECORDS * CODECS.length

const { values, positionals } = parseArgs({ allowPositionals: true, options: { transcript: { type: 'string' } } })

using directory = new TempDirectory('foreign')
await using broker = await BrokerProcess.start({
  dataDir: directory.of('data'),
  args: ['--set', 'group.initial.rebalance.delay.ms=0'],
})
const all = FOREIGN_CLIENTS.map((client) => ({
  ...{ name: client.name, run: (steps: Step[]) => roundTrip(client, steps) },
}))
const facts = [`${RECORDS} records with each of ${CODECS.join(', ')}`, 'one Ottla, its data on a real disk']
process.exitCode = await runParts(all, {
  ...{ title: 'Foreign clients against Ottla', facts, wanted: positionals },
  ...(values.transcript === undefined ? {} : { transcriptPath: values.transcript }),
})

async function roundTrip(client: ForeignClient, steps: Step[]): Promise<string> {
  const [program, ...args] = await client.ready(steps)
  const prefix = client.name.replace(/[^a-z]+/g, '-')
  const { output, errors, exitCode } = await run(program, [...args, broker.bootstrap, prefix, String(RECORDS)])
  steps.push({ command: `${client.name} BOOTSTRAP ${prefix} ${RECORDS}`, code: exitCode, output: output + errors })
  assert.equal(exitCode, 0, `The program ends well, it said:\n${output}${errors}`)
  const said = saidIn(output.toString())
  assert(said.ok, said.error)
  assert.equal(said.produced, ALL, 'All records were produced')
  assert.equal(said.consumed, client.readsAssigned ? ALL : 0, 'All records came back')
  await using connection = await connect(broker)
  assert.deepEqual(said.groups, Object.fromEntries(client.groups.map((protocol) => [protocol, ALL])))
  for (const codec of CODECS) {
    const topic = `${prefix}-${codec}`
    await checkStored(connection, { topic, codec, records: RECORDS })
    for (const protocol of client.groups) await checkGroup(connection, { topic, protocol, records: RECORDS })
  }
  return noteOf(client, said)
}

function noteOf({ readsAssigned }: ForeignClient, { version, produced, consumed, groups }: Said): string {
  const read = readsAssigned ? `${consumed} consumed` : 'reads in groups alone'
  const grouped = Object.entries(groups).map(([protocol, count]) => `${count} in ${protocol} groups`)
  return [version, `${produced} produced`, read, ...grouped].join(', ')
}
