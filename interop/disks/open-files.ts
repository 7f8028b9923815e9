/**
 * The limit on open files is lowered below what a running broker has open: every open and every new connection fails.
 * Hit is a partition that has to create files, spared one whose file is open.
 */
import assert from 'node:assert/strict'
import { BrokerProcess } from '../broker-process.ts'
import { connect, createTopic, fetchOnce } from '../cluster.ts'
import { run, succeed } from '../processes.ts'
import { SkipError } from '../run-parts.ts'
import { TempDirectory } from '../temp-directory.ts'
import type { Step } from '../transcript.ts'
import { SteadyLoad } from './steady-load.ts'
import { checkKept, goThrough } from './trouble.ts'

const HIT = 'rolling'
const SPARED = 'one-file'
const SEGMENT_BYTES = 1024 * 1024
/** Node itself has more open: whatever the broker closes, nothing can be opened. */
const FILES_WHILE_SHORT = 16

export async function tooManyOpenFiles(steps: Step[]): Promise<string> {
  if ((await run('prlimit', ['--version'])).exitCode !== 0) throw new SkipError('needs prlimit')
  using directory = new TempDirectory('open-files')
  const dataDir = directory.of('data')
  await using broker = await BrokerProcess.start({ dataDir })
  await using connection = await connect(broker)
  await createTopic(connection, { name: HIT, configs: { 'segment.bytes': String(SEGMENT_BYTES) } })
  await createTopic(connection, { name: SPARED })
  await using hit = await SteadyLoad.start(broker, { topic: HIT, partition: 0 })
  await using spared = await SteadyLoad.start(broker, { topic: SPARED, partition: 0 })
  const limitBefore = await limitOf(broker.pid)
  const found = await goThrough(
    {
      ...{ broker, hit, spared },
      begin: () => limit(broker.pid, String(FILES_WHILE_SHORT)),
      meanwhile: async () => {
        const { error } = await fetchOnce(connection, { topic: SPARED, offset: 0 })
        assert.equal(error, 'NONE', 'What is open can be read')
      },
      end: () => limit(broker.pid, limitBefore),
    },
    steps,
  )
  return `${found}; ${await checkKept(broker, dataDir, [hit, spared])}`
}

/** The soft one: it can be raised again. */
async function limit(pid: number, files: string): Promise<void> {
  await succeed('prlimit', ['--pid', String(pid), `--nofile=${files}:`])
}

async function limitOf(pid: number): Promise<string> {
  const { output } = await succeed('prlimit', ['--pid', String(pid), '--nofile', '--noheadings', '--output=SOFT'])
  return output.toString().trim()
}
