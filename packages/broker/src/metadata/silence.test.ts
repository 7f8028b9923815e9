import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { applyRevision } from './changes.ts'
import { aliveKey, CONTROLLER_KEY, encodeAlive, encodeController, encodeSilent, silentKey } from './documents.ts'
import type { MetadataImage, PartitionImage } from './image.ts'
import { clusterImage } from './plan-image.ts'
import { planSilence, SilenceReports } from './silence.ts'
import type { CommitOutcome, CommitRequest, Lease } from './store.ts'

/** A cluster whose brokers all live, and what they have written of each other. */
class World {
  image: MetadataImage

  constructor(partitions: readonly Partial<PartitionImage>[] = [{}], brokers: readonly number[] = [1, 2, 3]) {
    this.image = clusterImage(partitions, { brokers })
    for (const id of brokers) this.sign(id)
  }

  put(key: string, value: string | null): void {
    const revision = this.image.revision + 1
    this.image = applyRevision(this.image, revision, [{ key, value, revision }])
  }

  sign(id: number, stopping = false): void {
    this.put(aliveKey(id), encodeAlive({ incarnation: `of-${id}`, stopping }))
  }

  says(by: number, silent: number): void {
    this.put(silentKey(silent, by), encodeSilent(this.image.alive.get(silent)!.revision))
  }

  get deleted(): readonly string[] | null {
    return planSilence(this.image, 1)?.deletes ?? null
  }
}

test('a broker that no follower hears loses its sign of life, and the reports are used up', () => {
  const world = new World()
  world.says(2, 1)
  assert.equal(world.deleted, null, 'one follower may be the one that is cut off')
  world.says(3, 1)
  assert.deepEqual(world.deleted, [aliveKey(1), silentKey(1, 2), silentKey(1, 3)])
})

test('what is decided is compared with what it was decided on', () => {
  const world = new World()
  world.put(CONTROLLER_KEY, encodeController(1))
  world.says(2, 1)
  world.says(3, 1)
  const { ifRevision, deletes } = planSilence(world.image, 1)!
  const { alive, silent, controllerEpoch } = world.image
  assert.deepEqual(ifRevision, [
    { key: aliveKey(1), revision: alive.get(1)!.revision },
    { key: CONTROLLER_KEY, revision: controllerEpoch },
    { key: silentKey(1, 2), revision: silent.get(silentKey(1, 2))!.revision },
    { key: silentKey(1, 3), revision: silent.get(silentKey(1, 3))!.revision },
  ])
  assert.ok(deletes.includes(CONTROLLER_KEY), 'its term as controller ends with it')
})

test('half of the followers is not enough, and others than followers have no vote', () => {
  const world = new World([{}, { replicas: [1, 4, 5, 6], isr: [1, 4, 5] }], [1, 2, 3, 4, 5, 6])
  world.says(2, 1)
  world.says(3, 1)
  world.says(6, 1)
  assert.equal(world.deleted, null)
  world.says(4, 1)
  assert.deepEqual(world.deleted, [aliveKey(1), silentKey(1, 2), silentKey(1, 3), silentKey(1, 4)])
})

test('of two brokers that do not hear each other neither ends the other', () => {
  const world = new World([{ replicas: [1, 2], isr: [1, 2] }], [1, 2])
  world.says(2, 1)
  assert.equal(world.deleted, null)
})

test('a report about an earlier sign of life counts for nothing', () => {
  const world = new World()
  world.says(2, 1)
  world.says(3, 1)
  world.sign(1)
  assert.equal(world.deleted, null)
  world.says(2, 1)
  assert.equal(world.deleted, null)
})

test('followers that stop or are gone have no vote, and are not counted', () => {
  const world = new World([{ replicas: [1, 2, 3, 4], isr: [1, 2, 3, 4] }], [1, 2, 3, 4])
  world.says(2, 1)
  world.says(3, 1)
  world.sign(3, true)
  assert.equal(world.deleted, null)
})

test('a broker that alone is in sync stays, however few hear it: nobody could lead in its place', () => {
  const world = new World([{ isr: [1] }, { isr: [1, 2] }])
  world.says(2, 1)
  world.says(3, 1)
  assert.equal(world.deleted, null)
})

test('a broker that leads nothing is not silent, whoever says so', () => {
  const world = new World([{ leader: 2 }])
  world.says(2, 1)
  world.says(3, 1)
  assert.equal(world.deleted, null)
})

const lease = (isLive: boolean): Lease => ({ isLive: () => isLive }) as unknown as Lease

function reports(world: World, options: { isLive?: boolean; outcome?: CommitOutcome } = {}) {
  const committed: CommitRequest[] = []
  const own = lease(options.isLive ?? true)
  const store = {
    commit: async (request: CommitRequest): Promise<CommitOutcome> => {
      committed.push(request)
      return options.outcome ?? { type: 'committed', revision: world.image.revision + 1 }
    },
  }
  const logger = new MemoryLogger()
  const silence = new SilenceReports({ brokerId: 2, store, follower: world, logger, lease: () => own })
  return { silence, committed, own }
}

test('a report is written once for a sign of life, tied to the writer’s own, and taken back when there is an answer', () => {
  const world = new World()
  const { silence, committed, own } = reports(world)
  silence.retract(1)
  assert.equal(committed.length, 0)
  silence.tell(1)
  const key = silentKey(1, 2)
  assert.deepEqual(
    committed.map(({ puts, lease: tiedTo }) => [puts[0]!.key, tiedTo]),
    [[key, own]],
  )
  world.says(2, 1)
  silence.tell(1)
  assert.equal(committed.length, 1)
  silence.retract(1)
  assert.deepEqual(committed.at(-1)!.deletes, [key])
})

test('who is not heard of itself, or speaks of a broker that is gone, writes nothing', () => {
  const world = new World()
  const dead = reports(world, { isLive: false })
  dead.silence.tell(1)
  const alive = reports(world)
  alive.silence.tell(7)
  assert.deepEqual([...dead.committed, ...alive.committed], [])
})

test('what enough followers say is done once for a sign of life, by who has said so, and again where it was refused', async () => {
  const world = new World()
  world.says(2, 1)
  world.says(3, 1)
  const { silence, committed } = reports(world)
  silence.heed(world.image)
  silence.heed(world.image)
  assert.equal(committed.length, 1)
  const refused = reports(world, { outcome: { type: 'conflict' } })
  refused.silence.heed(world.image)
  await Promise.resolve()
  await Promise.resolve()
  refused.silence.heed(world.image)
  assert.equal(refused.committed.length, 2)
  world.put(silentKey(1, 2), null)
  const bystander = reports(world)
  bystander.silence.heed(world.image)
  assert.deepEqual(bystander.committed, [])
})
