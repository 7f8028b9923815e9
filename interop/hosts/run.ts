/**
 * Clusters on hosts made of network namespaces, under load while something is done to them:
 * `scripts/node26 interop/hosts/run.ts [--verbose] [SCENARIO …]`; a scenario is run when its name has one of the words in it.
 * Prints a table; exit code 1 where a promise was broken. Needs root, iproute2, iptables, etcd-server, kcat and
 * python3-confluent-kafka. See docs/cluster-faults.md.
 */
import { parseArgs } from 'node:util'
import { needs } from '../debian.ts'
import { chosenParts } from '../run-parts.ts'
import { Hosts } from './hosts.ts'
import type { ClientResult } from './result.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'
import { trial } from './trial.ts'
import { brokenPromises } from './verdict.ts'

const COLUMNS = [
  'scenario',
  'client',
  'gap ms',
  'group gap ms',
  'acked',
  'lost',
  'twice',
  'reordered',
  'unread',
  'broken',
]
const FAILURES_SHOWN = 3

const { values, positionals } = parseArgs({ allowPositionals: true, options: { verbose: { type: 'boolean' } } })
// Each process of a cluster is ended with this one.
process.setMaxListeners(0)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
process.exitCode = await main()
process.exit()

async function main(): Promise<number> {
  const { skip } = await needs('etcd-server', 'kcat', 'python3-confluent-kafka')
  if (skip !== undefined || !Hosts.areToBeHad()) {
    process.stderr.write(`Cannot run: ${skip ?? 'root, iproute2 and iptables are needed to make hosts'}\n`)
    return 1
  }
  let broken = 0
  process.stdout.write(`| ${COLUMNS.join(' | ')} |\n|${' --- |'.repeat(COLUMNS.length)}\n`)
  for (const scenario of chosenParts(SCENARIOS, positionals)) broken += await runOne(scenario)
  return broken === 0 ? 0 : 1
}

/** How many promises were broken. */
async function runOne(scenario: Scenario): Promise<number> {
  try {
    const { clients } = await trial(scenario)
    return clients.reduce((broken, client) => broken + report(scenario, client), 0)
  } catch (error) {
    process.stdout.write(`| ${scenario.name} | it failed: ${causeOf(error)} |\n`)
    if (values.verbose) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
    return 1
  }
}

function report(scenario: Scenario, client: ClientResult): number {
  const broken = brokenPromises(scenario, client)
  const { kind, gapMs, groupGapMs, acknowledged, lost, twice, reordered, unread } = client
  const row = [
    scenario.name,
    kind.name,
    gapMs,
    groupGapMs,
    acknowledged,
    lost,
    twice,
    reordered,
    unread,
    broken.join('; ') || '–',
  ]
  process.stdout.write(`| ${row.join(' | ')} |\n`)
  for (const failure of client.failures.slice(0, FAILURES_SHOWN)) process.stdout.write(`  ${kind.name}: ${failure}\n`)
  return broken.length
}

function causeOf(error: unknown): string {
  const { cause, message } = error as Error
  return cause instanceof Error ? cause.message : message
}
