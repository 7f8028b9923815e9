/**
 * Clusters of two versions, by hand: `scripts/node26 interop/upgrade/run.ts REVISION`. Installs that revision in a temporary
 * directory and runs three of its brokers on one etcd under load. First all are stepped up to this version and back; then
 * they are stepped up again, the level is raised, and a broker of that revision must be refused.
 */
import assert from 'node:assert/strict'
import { METADATA_FEATURE, SUPPORTED_FEATURES } from '@ottla/broker/metadata/features.ts'
import { OTTLA } from '../processes.ts'
import { Installation } from './installation.ts'
import { MixedCluster } from './mixed-cluster.ts'

const HIGHEST = SUPPORTED_FEATURES.find(({ name }) => name === METADATA_FEATURE)!.maxVersion

const say = (text: string): void => void process.stdout.write(`${text}\n`)

async function stepAll(mixed: MixedCluster, ottla: string, what: string): Promise<void> {
  for (const id of await mixed.inOrder()) {
    await mixed.become(id, ottla)
    say(`broker ${id} is ${what}; no acknowledgement for ${mixed.load.takeLongestGapMs()} ms at most`)
  }
}

/** Before the last one is of this version the level cannot be raised, by whichever controller. */
async function upgrade(mixed: MixedCluster): Promise<void> {
  for (const id of await mixed.inOrder()) {
    const refusal = await mixed.raise(HIGHEST)
    assert.equal(refusal?.error, 'INVALID_UPDATE_VERSION')
    say(`level ${HIGHEST} is refused: ${refusal.message}`)
    await mixed.become(id, OTTLA)
    say(`broker ${id} is of this version; no acknowledgement for ${mixed.load.takeLongestGapMs()} ms at most`)
  }
  assert.equal(await mixed.raise(HIGHEST), null)
  assert.equal(await mixed.level(), HIGHEST)
  say(`level ${HIGHEST} is finalized`)
  await mixed.administrate()
}

async function isRefused(mixed: MixedCluster, ottla: string): Promise<void> {
  const [id] = await mixed.inOrder()
  await mixed.cluster.broker(id!).stop()
  const refused = await mixed.cluster.restart(id!, { ottla }).then(
    () => assert.fail(`broker ${id} of the other revision starts at level ${HIGHEST}`),
    (error: { errors?: string }) => error.errors ?? String(error),
  )
  say(`broker ${id} of the other revision is refused: ${refused.trim().split('\n').at(0)}`)
  await mixed.cluster.restart(id!, { ottla: OTTLA })
}

async function main(revision: string | undefined): Promise<void> {
  if (revision === undefined) throw new Error('Cannot start: the revision to upgrade from is missing')
  using other = await Installation.of(revision)
  say(`installed ${revision}`)
  await using mixed = await MixedCluster.start(other.ottla)
  try {
    const before = await mixed.level()
    await stepAll(mixed, OTTLA, 'of this version')
    await stepAll(mixed, other.ottla, `of ${revision} again`)
    assert.equal(await mixed.level(), before)
    if (before !== HIGHEST) {
      await upgrade(mixed)
      await isRefused(mixed, other.ottla)
    }
    say(`all of ${await mixed.finish()} acknowledged records are there, once and in order`)
  } catch (error) {
    throw new Error(`The brokers' logs are\n${mixed.cluster.logs}`, { cause: error })
  }
}

await main(process.argv[2])
