/**
 * Ten idle minutes: `scripts/node26 interop/groups/idle.ts [SECONDS]` (600 when left out). Members of all clients at
 * once share groups, with the clients' own times but for metadata, which they look at every second. Nothing changes, so
 * no group may rebalance: prints each group's generation or epoch before and after, and every rebalance that the
 * coordinator wrote of. Exit code 1 where there was one, or where records do not come afterwards.
 */
import { assert } from '@ottla/base/assert.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { BrokerProcess } from '../broker-process.ts'
import { connect, createTopic } from '../cluster.ts'
import { needs } from '../debian.ts'
import { TempDirectory } from '../temp-directory.ts'
import { CLIENTS_AT_HAND, type GroupClient, type Rebalance } from './clients.ts'
import { GroupObserver } from './group-view.ts'
import { fetchNewerClients } from './newer-clients.ts'
import { Party } from './party.ts'
import { TopicFeed } from './topic-feed.ts'

const SECONDS_DEFAULT = 600
const PARTITIONS = 24
const RECORDS = 2
const TIMES = { sessionTimeoutMs: 45_000, heartbeatMs: 3000, metadataAgeMs: 1000 }
/** JVMs and interpreters start side by side on few cores. */
const START_MS_MAX = 120_000

/** Clients by their names, and what each has to call the assignor by. */
interface MixedGroup {
  readonly name: string
  readonly rebalance: Rebalance
  readonly assignor: string
  readonly clients: readonly string[]
  readonly rereads?: boolean
}

const LIBRDKAFKAS = ['python confluent-kafka', 'librdkafka 2.12+']
const KIP_848 = ['@platformatic/kafka (KIP-848)', 'ottla (KIP-848)', 'librdkafka 2.12+ (KIP-848)', 'java (KIP-848)']

const GROUPS: readonly MixedGroup[] = [
  {
    ...{ name: 'range', rebalance: 'eager', assignor: 'range' },
    ...{ clients: ['kcat', ...LIBRDKAFKAS, 'ottla', 'java'] },
  },
  {
    ...{ name: 'roundrobin', rebalance: 'eager', assignor: 'roundrobin' },
    ...{ clients: ['kcat', ...LIBRDKAFKAS, '@platformatic/kafka', 'ottla', 'java'] },
  },
  { name: 'sticky', rebalance: 'eager', assignor: 'sticky', clients: ['ottla', 'java'] },
  {
    ...{ name: 'cooperative-sticky', rebalance: 'cooperative', assignor: 'cooperative-sticky', rereads: true },
    clients: ['kcat', ...LIBRDKAFKAS, '@platformatic/kafka', 'ottla', 'java'],
  },
  { name: 'kafkajs', rebalance: 'eager', assignor: 'RoundRobinAssigner', clients: ['kafkajs', 'kafkajs'] },
  { name: 'uniform', rebalance: 'consumer', assignor: 'uniform', rereads: true, clients: KIP_848 },
  { name: 'server-range', rebalance: 'consumer', assignor: 'range', rereads: true, clients: KIP_848 },
]

interface Idle {
  readonly group: MixedGroup
  readonly party: Party
  readonly feed: TopicFeed
  readonly roundBefore: number
}

async function main(seconds: number): Promise<number> {
  const { skip } = await needs('kcat', 'python3-confluent-kafka')
  if (skip !== undefined) throw new Error(`Cannot run: ${skip}`)
  const clients = [...CLIENTS_AT_HAND, ...(await fetchNewerClients())]
  using directory = new TempDirectory('groups-idle')
  const args = ['--set', 'offsets.topic.num.partitions=1']
  await using broker = await BrokerProcess.start({ dataDir: directory.of('data'), args })
  await using observer = new GroupObserver(await connect(broker))
  await using parties = new AsyncDisposableStack()
  const idle: Idle[] = []
  for (const group of GROUPS) {
    const feed = new TopicFeed(group.name)
    await createTopic(observer.connection, { name: group.name, partitions: PARTITIONS })
    const party = parties.use(
      new Party({ ...group, observer, bootstrap: broker.bootstrap, group: group.name, times: TIMES }),
    )
    startMembers(party, { group, clients, bootstrap: broker.bootstrap })
    await party.settled({ partitions: feed.partitions(PARTITIONS), waitMs: START_MS_MAX })
    await getsRecords({ observer, party, feed })
    idle.push({ group, party, feed, roundBefore: party.round })
    console.log(`${group.name}: ${group.clients.join(', ')} are settled in round ${party.round}`)
  }
  console.log(`Idle from ${new Date().toISOString()} for ${seconds} s`)
  await systemTimers.sleep(seconds * 1000)
  return await report(observer, idle)
}

function startMembers(
  party: Party,
  { group, clients, bootstrap }: { group: MixedGroup; clients: readonly GroupClient[]; bootstrap: string },
): void {
  group.clients.forEach((name, index) => {
    const client = clients.find((one) => one.name === name)
    assert(client !== undefined, `There is no client ${name}`)
    party.join(party.start(client.program(bootstrap)), [`member${index}`], [group.name])
  })
}

async function getsRecords({ observer, party, feed }: { observer: GroupObserver; party: Party; feed: TopicFeed }) {
  await feed.add(observer.connection, { partitions: PARTITIONS, records: RECORDS })
  await party.hasAll([feed])
}

/** Resolves with how many groups did not rest. */
async function report(observer: GroupObserver, idle: readonly Idle[]): Promise<number> {
  await observer.catchUp()
  console.log(`Until ${new Date().toISOString()}\n`)
  console.log('| group | members | round before | round after | rebalances meanwhile |')
  console.log('| --- | --- | --- | --- | --- |')
  let failures = 0
  for (const { group, party, feed, roundBefore } of idle) {
    const { round } = await party.rests().catch(() => ({ round: party.rounds.at(-1)!.round }))
    const written = party.rounds.filter((one) => one.round > roundBefore)
    if (written.length > 0) failures++
    const times = written.map((one) => `${one.round} at ${new Date(one.timestampMs).toISOString()}`)
    const said = times.length === 0 ? 'none' : times.join(', ')
    console.log(`| ${group.name} | ${group.clients.join(', ')} | ${roundBefore} | ${round} | ${said} |`)
    await getsRecords({ observer, party, feed })
  }
  for (const { group, party } of idle) console.log(`${group.name}: all rounds ${JSON.stringify(party.rounds)}`)
  return failures
}

const [seconds = SECONDS_DEFAULT] = process.argv.slice(2)
process.exitCode = (await main(Number(seconds))) === 0 ? 0 : 1
