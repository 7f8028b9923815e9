/**
 * Every client with every protocol and assignor that it has: `scripts/node26 interop/groups/matrix.ts [NAME…]`, where a
 * NAME chooses the rows that have it in their names. For each, twenty members share a hundred partitions; a group lives
 * its life under load (life.ts); and one that subscribes to a pattern follows topics that come and go (pattern-life.ts).
 * Prints a table in Markdown: rounds of each change. Exit code 1 where something failed. Needs `java` and Kafka's jars,
 * and `python3` with `venv`; without them their clients are left out, and it says so.
 */
import assert from 'node:assert/strict'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { connect, createTopic } from '../cluster.ts'
import { needs } from '../debian.ts'
import { chosenParts } from '../run-parts.ts'
import { TempDirectory } from '../temp-directory.ts'
import { startBrokerOfGroups } from './broker-of-groups.ts'
import { CLIENTS_AT_HAND, type GroupClient } from './clients.ts'
import { GroupObserver } from './group-view.ts'
import { GroupLife, type LifeOptions, type LivedChange } from './life.ts'
import { fetchNewerClients } from './newer-clients.ts'
import { Party } from './party.ts'
import { livePattern } from './pattern-life.ts'
import { TopicFeed } from './topic-feed.ts'

const CROWD = 20
const CROWD_PARTITIONS = 100
const PROCESSES = 2
const RECORDS = 2
/** For a crowd of JVMs to start. */
const START_MS_MAX = 90_000
const ROWS_AT_ONCE = 2
const CHANGES = ['join', 'subscribe', 'unsubscribe', 'leave', 'partitions', 'die', 'create', 'delete'] as const

interface Kind {
  readonly name: string
  readonly client: GroupClient
  readonly assignor: string
}

interface Row {
  readonly kind: Kind
  /** Partitions of each member of the crowd, the fewest and the most. */
  readonly shares: string
  readonly changes: readonly LivedChange[]
  readonly repeated: number
  readonly failures: readonly string[]
}

async function main(wanted: readonly string[]): Promise<number> {
  const { skip } = await needs('kcat', 'python3-confluent-kafka')
  if (skip !== undefined) throw new Error(`Cannot run: ${skip}`)
  const kinds = chosenParts(kindsOf([...CLIENTS_AT_HAND, ...(await newerIfAny())]), wanted)
  using directory = new TempDirectory('groups-matrix')
  await using broker = await startBrokerOfGroups({ dataDir: directory.of('data') })
  await using observer = new GroupObserver(await connect(broker))
  const rows = new Map<Kind, Row>()
  const waiting = [...kinds]
  const work = async (): Promise<void> => {
    for (let kind = waiting.shift(); kind !== undefined; kind = waiting.shift()) {
      const row = await runKind(kind, { observer, bootstrap: broker.bootstrap })
      rows.set(kind, row)
      console.error(`${kind.name}: ${row.failures.length === 0 ? 'passed' : row.failures.join('\n')}`)
    }
  }
  await Promise.all(Array.from({ length: ROWS_AT_ONCE }, work))
  const inOrder = kinds.map((kind) => rows.get(kind)!)
  console.log(tableOf(inOrder))
  return inOrder.filter(({ failures }) => failures.length > 0).length
}

async function newerIfAny(): Promise<GroupClient[]> {
  try {
    return await fetchNewerClients()
  } catch (error) {
    console.error(`Left out, the Java client and librdkafka 2.12: ${error instanceof Error ? error.message : error}`)
    return []
  }
}

function kindsOf(clients: readonly GroupClient[]): Kind[] {
  return clients.flatMap((client) =>
    Object.keys(client.assignors).map((assignor) => ({ name: `${client.name} ${assignor}`, client, assignor })),
  )
}

type Surroundings = Pick<LifeOptions, 'observer' | 'bootstrap'>

async function runKind(kind: Kind, surroundings: Surroundings): Promise<Row> {
  const { client, assignor } = kind
  const failures: string[] = []
  const attempt = async <T>(what: string, act: (options: LifeOptions) => Promise<T>): Promise<T | null> => {
    const group = `${what}.${kind.name}`.replace(/[^A-Za-z0-9.-]+/g, '-')
    try {
      return await act({ ...surroundings, group, client, assignor })
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
      return null
    }
  }
  const shares = (await attempt('crowd', crowdOf)) ?? 'failed'
  const life = await attempt('life', lifeOf)
  const pattern = client.followsPatterns ? await attempt('pattern', livePattern) : []
  const changes = [...(life?.changes ?? []), ...(pattern ?? [])]
  return { kind, shares, changes, repeated: life?.repeated ?? Number.NaN, failures }
}

async function crowdOf(options: LifeOptions): Promise<string> {
  const { observer, bootstrap, group, client } = options
  const feed = new TopicFeed(group)
  await createTopic(observer.connection, { name: group, partitions: CROWD_PARTITIONS })
  await using party = Party.of(client, options)
  for (let process = 0; process < PROCESSES; process++) {
    const members = Array.from({ length: CROWD / PROCESSES }, (_, index) => `member-${process}-${index}`)
    party.join(party.start(client.program(bootstrap)), members, [group])
  }
  const partitions = feed.partitions(CROWD_PARTITIONS)
  const { members } = await party.settled({ partitions, waitMs: START_MS_MAX })
  await feed.add(observer.connection, { partitions: CROWD_PARTITIONS, records: RECORDS })
  await party.hasAll([feed])
  await party.rests()
  const counts = members.map((member) => member.partitions.length)
  assert.deepEqual([members.length, Math.min(...counts), Math.max(...counts)], [CROWD, 5, 5])
  return `${members.length} × ${Math.min(...counts)}`
}

async function lifeOf(options: LifeOptions): Promise<GroupLife> {
  await using life = new GroupLife(options)
  await life.live()
  await life.getsRecords()
  await systemTimers.sleep(1000)
  await life.rests()
  return life
}

function tableOf(rows: readonly Row[]): string {
  const heads = ['client', 'assignor', 'rebalances', 'members', ...CHANGES, 'again']
  const lines = rows.map(({ kind, shares, changes, repeated }) => {
    const rounds = CHANGES.map((what) => changes.find((change) => change.what === what)?.rounds ?? '–')
    const { client, assignor } = kind
    return [client.name, assignor, client.assignors[assignor], shares, ...rounds, repeated]
  })
  return [heads, heads.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

process.exitCode = (await main(process.argv.slice(2))) === 0 ? 0 : 1
