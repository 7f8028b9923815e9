import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { oneBroker, plaintext } from './one-broker.ts'
import type { CommitRequest } from './store.ts'
import { revokeSignOfLife } from './suspicion.ts'

/** A broker that is its own controller, one beside it, and what the suspicion of one of them asks the store for. */
async function suspect(brokerId: number, change?: (world: Awaited<ReturnType<typeof oneBroker>>) => Promise<void>) {
  const world = await oneBroker({ others: [plaintext(2)] })
  const commits: CommitRequest[] = []
  const store = {
    commit: async (request: CommitRequest) => {
      commits.push(request)
      await change?.(world)
      return world.store.commit(request)
    },
  }
  const logger = new MemoryLogger()
  await revokeSignOfLife({ store, follower: world.follower, logger }, brokerId)
  return { world, commits, logger }
}

test('who refuses connections loses its sign of life; it gives it again where it lives', async () => {
  const { world, commits } = await suspect(2)
  await using one = world
  assert.deepEqual(commits[0]!.deletes, ['alive/2'])
  const before = one.image().brokers.get(2)!.epoch
  await one.timers.run(1000)
  assert.equal(one.image().alive.has(2), true)
  assert.deepEqual([one.image().brokers.get(2)!.fenced, one.image().brokers.get(2)!.epoch], [false, before])
})

test('a controller that refuses connections loses its term with its sign of life', async () => {
  const { world, commits } = await suspect(1)
  await using one = world
  assert.deepEqual(commits[0]!.deletes.toSorted(), ['alive/1', 'controller'])
  const epoch = commits[0]!.ifRevision.find(({ key }) => key === 'controller')!.revision
  await one.timers.run(20_000)
  assert.ok(one.controller.isActive && one.image().controllerEpoch > epoch, 'it stands again')
})

test('who has no sign of life is not suspected', async () => {
  const { world, commits, logger } = await suspect(9)
  await using _one = world
  assert.deepEqual([commits, logger.lines], [[], []])
})

test('a sign that was given anew meanwhile is not the one that is meant', async () => {
  let revision = 0
  const { world } = await suspect(2, async (one) => {
    const { value } = (await one.store.read('alive/2')).entries[0]!
    const outcome = await one.store.commit({ ifRevision: [], puts: [{ key: 'alive/2', value }], deletes: [] })
    if (outcome.type === 'committed') revision = outcome.revision
  })
  await using one = world
  assert.ok(revision > 0)
  assert.equal((await one.store.read('alive/2')).entries[0]!.revision, revision)
})
