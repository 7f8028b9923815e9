/** What becomes of a coordinator whose log fails, and comes back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchOf, CoordinatorWorld, put, recordOf, type ToyOperation, textOf } from '../testing/coordinator-world.ts'
import { answer, step } from './machine.ts'

/** An operation that answers without a record. */
const look: ToyOperation = (machine, ticket) => step({ answers: [answer(ticket, textOf(machine))] })

/** Waits in the machine until somebody ends the shard. */
const wait: ToyOperation = (machine, ticket) => {
  machine.waiting.push(ticket)
  return step()
}

test('a log that fails ends the shard: nobody is told what is not durable, all are sent elsewhere', async () => {
  const world = await CoordinatorWorld.open()
  const waiting = world.submit(wait)
  world.disk.failNext({ operation: 'sync', code: 'EIO' })
  const [written, read] = [world.submit(put(['a', '1'])), world.read()]
  await world.settle()
  const later = world.submit(look)
  await world.settle()
  const outcomes = [waiting, written, read, later].map(({ outcome }) => outcome)
  assert.deepEqual(outcomes, Array(4).fill('NOT_COORDINATOR'))
  assert.equal([...world.runtime.machines()].length, 0)
  assert.equal(world.machines.length, 1, 'it is not loaded again from a log that is offline')
  assert.equal(world.partitions.isOffline(world.partition().topicId, 0), true)
  await world.time.run(100_000)
  assert.equal(world.machines.length, 2, 'it is loaded from the log that was opened anew')
  const again = world.read()
  await world.settle()
  assert.match(again.outcome, /^(a=1)?$/, 'whichever of both, the log has decided')
  await world.stop()
})

test('a log that fails while it is loaded is loaded again once it was opened anew', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['a', '1']))
  await world.settle()
  world.disk.holdSyncs()
  world.submit(put(['a', '2']))
  world.publish({ leaderEpoch: 1 })
  await world.settle()
  assert.ok(world.runtime.isLoading(0))
  world.partition().log.roll()
  world.disk.failNext({ operation: 'write', code: 'EIO' })
  await world.appendBatch(batchOf([recordOf('a', '3')])).catch(() => {})
  world.disk.releaseSyncs()
  await world.time.run(1000)
  await world.loaded()
  const read = world.read()
  await world.settle()
  assert.match(read.outcome, /^a=[12]$/)
})

test('a log that fails while it takes the records ends the shard as well', async () => {
  const world = await CoordinatorWorld.open({ configs: { 'segment.bytes': '2000', 'segment.index.bytes': '4' } })
  world.submit(put(['a', 'x'.repeat(1500)]))
  await world.settle()
  const waiting = world.submit(wait)
  // The next batch needs a new segment, which is made at once.
  world.disk.failNext({ operation: 'create', code: 'ENOSPC' })
  const written = world.submit<string>((_machine, ticket) =>
    step({
      records: [recordOf('b', 'x'.repeat(1500))],
      answers: [answer(ticket, 'written')],
      refused: () =>
        step({ answers: [answer(ticket, 'kept')], timers: [{ key: 't', afterMs: 9, fire: () => step() }] }),
    }),
  )
  await world.settle()
  assert.deepEqual([written.outcome, waiting.outcome], ['NOT_COORDINATOR', 'NOT_COORDINATOR'])
  assert.equal(textOf(world.machine()).startsWith('a='), true)
  assert.equal(textOf(world.machine()).includes('b='), false, 'nothing was applied')
})

test('what a timer has to say is said again until enough replicas are in sync to take it', async () => {
  const world = await CoordinatorWorld.open()
  let fired = 0
  const fire = () => {
    fired++
    return step({ records: [recordOf('a', 'fired')] })
  }
  world.submit(() => step({ timers: [{ key: 't', afterMs: 100, fire }] }))
  const partition = world.partition()
  partition.update({ ...partition.image, replicas: [1, 2], isr: [1] })
  partition.configure({ ...partition.rules, minInSyncReplicas: 2 }, partition.log.settings)
  await world.time.run(1700)
  assert.deepEqual([fired, textOf(world.machine())], [4, ''])
  partition.configure({ ...partition.rules, minInSyncReplicas: 1 }, partition.log.settings)
  await world.time.run(500)
  assert.deepEqual([fired, textOf(world.machine())], [5, 'a=fired'])
  await world.time.run(10_000)
  assert.equal(fired, 5)
})
