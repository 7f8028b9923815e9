/**
 * Holds many members in many groups against an existing topic: all join, then beat at their normal intervals, and
 * nothing else happens, so that every session that is lost is the broker's doing. Each has a connection of its own, as
 * a JoinGroup that waits would hold up another member's behind it. Prints one line of JSON: {"members":…,"joinSeconds":…,"settleSeconds":…,"heartbeats":…,"seconds":…,
 * "lost":…,"rejoins":…,"p99Ms":…,"maxMs":…,"cpuSeconds":…}. `settleSeconds` is until every partition is owned in every
 * group; with --settle-only the program ends then.
 */
import { parseArgs } from 'node:util'
import { systemClock } from '@ottla/base/clock.ts'
import { NodeNetwork } from '@ottla/base/node-network.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { BrokerConnection } from '@ottla/client/connection.ts'
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import { ClassicMember, ConsumerMember, type MemberOptions, type Tally } from './group-member.ts'

type Member = ClassicMember | ConsumerMember

/** Connections that are opened at once. */
const OPENING = 100
const REQUEST_MS = 120_000
const SETTLE_MS_MAX = 120_000
const LOOK_MS = 20
const CONNECT_MS = 30_000

const { values } = parseArgs({
  options: {
    bootstrap: { type: 'string', default: '127.0.0.1:9092' },
    topic: { type: 'string', default: 'bench' },
    partitions: { type: 'string', default: '10' },
    protocol: { type: 'string', default: 'classic' },
    groups: { type: 'string', default: '2000' },
    members: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    'joins-per-second': { type: 'string', default: '1000' },
    'settle-only': { type: 'boolean', default: false },
  },
})
const { bootstrap, topic, protocol } = values
const groups = Number(values.groups)
const perGroup = Number(values.members)
const partitions = Number(values.partitions)
const tally: Tally = { heartbeats: 0, lost: 0, rejoins: 0, heartbeatMs: [] }
const nowMs = (): number => systemClock.monotonicMs()

function seconds(sinceMs: number): number {
  return (nowMs() - sinceMs) / 1000
}

async function connect(clientId: string): Promise<BrokerConnection> {
  const [host = '', port] = bootstrap.split(':')
  const ports = { clock: systemClock, timers: systemTimers, network: new NodeNetwork() }
  const times = { connectTimeoutMs: CONNECT_MS, requestTimeoutMs: REQUEST_MS }
  return await BrokerConnection.open({ host, port: Number(port), clientId, ...ports, ...times })
}

async function openAll(count: number): Promise<BrokerConnection[]> {
  const connections: BrokerConnection[] = []
  while (connections.length < count) {
    const opening = Array.from({ length: Math.min(OPENING, count - connections.length) }, () => connect('bench'))
    connections.push(...(await Promise.all(opening)))
  }
  return connections
}

function membersOn(connections: readonly BrokerConnection[]): Member[][] {
  return Array.from({ length: groups }, (_, group) =>
    Array.from({ length: perGroup }, (_, index) => {
      const number = group * perGroup + index
      const options: MemberOptions = {
        connection: connections[number]!,
        ...{ timers: systemTimers, nowMs, topic, partitions, tally },
        group: `${topic}-${protocol}-${group}`,
        name: `member-${number}`,
        phase: number / (groups * perGroup),
      }
      return protocol === 'classic' ? new ClassicMember(options) : new ConsumerMember(options)
    }),
  )
}

/** Members come at a steady rate, those of a group together. */
async function joinAll(members: readonly Member[]): Promise<void> {
  const rate = Number(values['joins-per-second'])
  const startMs = nowMs()
  const joining: Promise<void>[] = []
  while (joining.length < members.length) {
    const due = Math.min(members.length, Math.ceil((nowMs() - startMs) * (rate / 1000)))
    while (joining.length < due) joining.push(members[joining.length]!.join())
    await systemTimers.sleep(LOOK_MS)
  }
  await Promise.all(joining)
}

/** Classic members are settled once they have joined: their leader has given everything away. */
async function untilSettled(byGroup: readonly (readonly Member[])[]): Promise<void> {
  const endMs = nowMs() + SETTLE_MS_MAX
  while (byGroup.some((members) => !isSettled(members))) {
    if (nowMs() > endMs) throw new Error(`Groups have not settled after ${SETTLE_MS_MAX} ms`)
    await systemTimers.sleep(LOOK_MS)
  }
}

function isSettled(members: readonly Member[]): boolean {
  if (members[0] instanceof ClassicMember) return true
  const all = members.filter((member) => member instanceof ConsumerMember)
  const owned = all.reduce((count, { ownedCount }) => count + ownedCount, 0)
  return owned === partitions && all.every(({ epoch }) => epoch === all[0]!.epoch)
}

async function main(): Promise<void> {
  const connections = await openAll(groups * perGroup)
  const coordinator = { coordinatorKeys: [`${topic}-0`] }
  await connections[0]!.request(FindCoordinator, coordinator, { versionMin: 4 })
  const byGroup = membersOn(connections)
  const cpu = process.cpuUsage()
  const startMs = nowMs()
  await joinAll(byGroup.flat())
  const joinSeconds = seconds(startMs)
  await untilSettled(byGroup)
  const settleSeconds = seconds(startMs)
  const before = { heartbeats: tally.heartbeats, atMs: nowMs() }
  if (!values['settle-only']) await systemTimers.sleep(Number(values.seconds) * 1000)
  const beating = { heartbeats: tally.heartbeats - before.heartbeats, seconds: seconds(before.atMs) }
  for (const member of byGroup.flat()) member.stop()
  const { user, system } = process.cpuUsage(cpu)
  const times = tally.heartbeatMs.toSorted((left, right) => left - right)
  const result = {
    ...{ members: groups * perGroup, joinSeconds, settleSeconds, ...beating },
    ...{ lost: tally.lost, rejoins: tally.rejoins, allHeartbeats: tally.heartbeats },
    p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
    maxMs: times.at(-1) ?? 0,
    cpuSeconds: (user + system) / 1e6,
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
  await Promise.all(connections.map(async (connection) => await connection[Symbol.asyncDispose]()))
}

await main()
