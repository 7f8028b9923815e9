/** Owns what the parts with a broker in a process of its own have in common: before, the trouble, and after it. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { BrokerProcess } from '../broker-process.ts'
import { connect } from '../cluster.ts'
import type { Step } from '../transcript.ts'
import type { SteadyLoad } from './steady-load.ts'

const HEALTHY_MS = 2_000
const TROUBLE_MS = 8_000
/** A log is tried again at least every thirty seconds. */
const BACK_MS_MAX = 45_000
const LOUD = /"level":"(warn|error)"/

export interface Trouble {
  readonly broker: BrokerProcess
  /** Of the partition that the trouble reaches, and of one that it does not. */
  readonly hit: SteadyLoad
  readonly spared: SteadyLoad
  readonly begin: () => Promise<void>
  /** Asked while the trouble lasts. */
  readonly meanwhile: () => Promise<void>
  readonly end: () => Promise<void>
}

/** Answers with what was measured. The broker runs on. */
export async function goThrough(trouble: Trouble, steps: Step[]): Promise<string> {
  const { broker, hit, spared } = trouble
  await delay(HEALTHY_MS)
  const linesBefore = broker.logLines.length
  endPhases(hit, spared)
  await trouble.begin()
  await delay(TROUBLE_MS)
  await trouble.meanwhile()
  const during = endPhases(hit, spared)
  await trouble.end()
  const backMs = await hit.untilAcknowledged(BACK_MS_MAX)
  await delay(HEALTHY_MS)
  const after = endPhases(hit, spared)
  await Promise.all([hit.stop(), spared.stop()])
  assert(broker.isRunning, 'The broker runs on')
  assert((during.hit.refused.get('KAFKA_STORAGE_ERROR') ?? 0) > 0, 'Clients are told')
  assert.equal(during.spared.refused.size + after.spared.refused.size, 0, 'The other partition is served')
  assert(during.spared.acknowledged > 0, 'The other partition is served')
  const lines = broker.logLines.slice(linesBefore).filter((line) => LOUD.test(line))
  assert(lines.length > 0, 'The log tells')
  steps.push({ command: 'warnings and errors of the broker', code: 0, output: lines.join('\n') })
  const told = `${TROUBLE_MS / 1000} s of it: ${during.hit.text}; beside it ${during.spared.text}`
  return `${told}; back after ${(backMs / 1000).toFixed(1)} s; ${lines.length} warnings and errors logged`
}

/** All that was acknowledged is there, now and after a restart. */
export async function checkKept(broker: BrokerProcess, dataDir: string, loads: readonly SteadyLoad[]): Promise<string> {
  let records = 0
  {
    await using connection = await connect(broker)
    for (const load of loads) records += await load.checkStored(connection)
  }
  assert.deepEqual(await broker.stop(), { exitCode: 0, signal: null })
  await using again = await BrokerProcess.start({ dataDir })
  await using connection = await connect(again)
  for (const load of loads) await load.checkStored(connection)
  return `${records} acknowledged, all there, also after a restart`
}

function endPhases(hit: SteadyLoad, spared: SteadyLoad) {
  return { hit: hit.endPhase(), spared: spared.endPhase() }
}
