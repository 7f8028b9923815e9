/**
 * Groups of all foreign clients with all their assignors, for a long time: `scripts/node26 interop/groups/long.ts
 * [SECONDS] [NAME]` (600 when left out). Each group lives its life (life.ts), again and again until half of the time is over.
 * For the other half the last of each kind rests, with records coming: no group may rebalance. Members beat five times a
 * second and look at metadata as often, 15 times as often as by default, so what happens in ten minutes happens in 40 s.
 * Prints a line for each life; exit code 1 where one failed.
 */
import { systemClock } from '@ottla/base/clock.ts'
import { connect } from '../cluster.ts'
import { needs } from '../debian.ts'
import { TempDirectory } from '../temp-directory.ts'
import { startBrokerOfGroups } from './broker-of-groups.ts'
import { CLIENTS_AT_HAND, type GroupClient } from './clients.ts'
import { GroupObserver } from './group-view.ts'
import { GroupLife } from './life.ts'

const SECONDS_DEFAULT = 600

interface Surroundings {
  readonly observer: GroupObserver
  readonly bootstrap: string
}

/** Resolves with what failed. */
async function main(seconds: number, only: RegExp): Promise<number> {
  const { skip } = await needs('kcat', 'python3-confluent-kafka')
  if (skip !== undefined) throw new Error(`Cannot run: ${skip}`)
  using directory = new TempDirectory('groups-long')
  await using broker = await startBrokerOfGroups({ dataDir: directory.of('data') })
  await using observer = new GroupObserver(await connect(broker))
  const startMs = systemClock.monotonicMs()
  const ends = { livesMs: startMs + seconds * 500, restMs: startMs + seconds * 1000 }
  const kinds = CLIENTS_AT_HAND.flatMap((client) =>
    Object.keys(client.assignors).map((assignor) => ({ client, assignor })),
  )
  const wanted = kinds.filter(({ client, assignor }) => only.test(`${client.name} ${assignor}`))
  const surroundings = { observer, bootstrap: broker.bootstrap }
  const runs = wanted.map(async (kind) => await runKind(kind, { ...surroundings, ...ends }))
  const failures = (await Promise.all(runs)).filter((isFine) => !isFine).length
  console.log(`${failures} of ${wanted.length} failed`)
  return failures
}

interface Kind {
  readonly client: GroupClient
  readonly assignor: string
}

async function runKind({ client, assignor }: Kind, options: Surroundings & { livesMs: number; restMs: number }) {
  const { observer, bootstrap, livesMs, restMs } = options
  const title = `${client.name} ${assignor}`
  try {
    for (let round = 1; ; round++) {
      const group = `${title} ${round}`.replace(/[^A-Za-z0-9.-]+/g, '-')
      await using life = new GroupLife({ observer, bootstrap, group, client, assignor })
      await life.live()
      console.log(`${title}: life ${round} is lived`)
      if (systemClock.monotonicMs() < livesMs) continue
      const batches = await rest(life, restMs)
      console.log(`${title}: rested while ${batches} times new records came`)
      return true
    }
  } catch (error) {
    console.log(`${title} failed: ${error instanceof Error ? error.message : String(error)}`)
    return false
  }
}

async function rest(life: GroupLife, endMs: number): Promise<number> {
  let batches = 0
  for (; systemClock.monotonicMs() < endMs; batches++) {
    await life.getsRecords()
    await life.rests()
  }
  return batches
}

const [seconds = SECONDS_DEFAULT, only = ''] = process.argv.slice(2)
process.exitCode = (await main(Number(seconds), new RegExp(only))) === 0 ? 0 : 1
