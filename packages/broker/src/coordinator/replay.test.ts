import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildEndTransactionBatch } from '@ottla/protocol/records/batch-builder.ts'
import { batchOf, CoordinatorWorld, put, recordOf, ToyMachine, textOf } from '../testing/coordinator-world.ts'

const SEGMENT_PATH = '/data/__toy_state-0/00000000000000000000.log'
const LOAD_FAILED = 'Cannot load a partition of a coordinator: it is not served here'

function transactionBatch(key: string, { producerId = 7, producerEpoch = 3, baseSequence = 0 } = {}): Buffer {
  return batchOf([recordOf(key, 'pending')], { producerId, producerEpoch, baseSequence, transactional: true })
}

function marker(commit: boolean, { producerId = 7, producerEpoch = 3 } = {}): Buffer {
  return buildEndTransactionBatch({ commit, producerId, producerEpoch, coordinatorEpoch: 0, timestampMs: 1 })
}

test('a log of many segments, read in many pieces, is applied once and in order', async () => {
  const world = await CoordinatorWorld.open({ configs: { 'segment.bytes': '100000' } })
  const value = 'x'.repeat(500)
  for (let round = 0; round < 80; round++) {
    const pairs = Array.from({ length: 50 }, (_, index) => [`k${round * 50 + index}`, value] as const)
    world.submit(put(...pairs))
    await world.settle()
  }
  assert.ok(world.partition().log.segmentCount > 10)
  await world.stop()
  await world.restart()
  const expected = Array.from({ length: 4000 }, (_, index) => `k${index}`)
  assert.deepEqual([...world.machine().values.keys()], expected)
  assert.equal(world.machine().events.length, 4001)
})

test('records of transactions come with their producer, and their ends in place', async () => {
  const world = await CoordinatorWorld.open()
  await world.appendBatch(transactionBatch('kept'))
  await world.appendBatch(transactionBatch('open', { producerId: 8, producerEpoch: 1 }))
  await world.appendBatch(marker(true))
  await world.appendBatch(transactionBatch('dropped', { baseSequence: 1 }))
  await world.appendBatch(marker(false))
  // An idempotent batch is no transaction.
  await world.appendBatch(batchOf([recordOf('plain', '1')], { producerId: 9, producerEpoch: 0, baseSequence: 0 }))
  await world.restart()
  const machine = world.machine()
  assert.deepEqual(
    machine.events.filter((event) => /commit|abort/.test(event)),
    ['commit 7', 'abort 7'],
  )
  assert.equal(textOf(machine), 'kept=pending plain=1')
  assert.deepEqual([...machine.pending.keys()], [8])
  assert.deepEqual(
    machine.origins.map(({ producerId, producerEpoch }) => [producerId, producerEpoch]),
    [
      [7, 3],
      [8, 1],
      [7, 3],
      [-1, -1],
    ],
  )
})

test('a machine may keep the bytes that it was given', async () => {
  const kept: Buffer[] = []
  class Keeper extends ToyMachine {
    override apply(...[record, origin]: Parameters<ToyMachine['apply']>): void {
      kept.push(record.key, record.value!)
      super.apply(record, origin)
    }
  }
  const world = await CoordinatorWorld.open({ makeMachine: () => new Keeper() })
  for (let index = 0; index < 50; index++) world.submit(put([`k${index}`, `v${index}`]))
  await world.settle()
  await world.restart()
  for (let index = 0; index < 2000; index++) world.submit(put(['z', 'z'.repeat(1000)]))
  await world.settle()
  const texts = kept.slice(100, 200).map(String)
  assert.deepEqual(texts, Array.from({ length: 50 }, (_, index) => [`k${index}`, `v${index}`]).flat())
})

test('what lies below the start of the log is not applied, though its batch is still there', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['a', '1'], ['b', '1'], ['c', '1']))
  await world.settle()
  await world.until(world.partitions.deleteRecords(world.partition(), 2))
  await world.stop()
  await world.restart()
  assert.equal(textOf(world.machine()), 'c=1')
})

test('a batch whose bytes have changed fails the load, and the error says where', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['a', '1']))
  world.submit(put(['b', '1']))
  await world.settle()
  await world.stop()
  const file = world.disk.open(SEGMENT_PATH)
  const flipped = Buffer.alloc(1, 0xff)
  file.write(flipped, file.size() - 1)
  file.close()
  world.disk.syncAll()
  await world.restart()
  assert.deepEqual(world.errors(), [LOAD_FAILED])
  const { fields } = world.logger.lines.find(({ message }) => message === LOAD_FAILED)!
  assert.match(String(fields['error']), /batch at offset 1: its checksum is wrong/)
  assert.deepEqual([fields['topic'], fields['partition']], ['__toy_state', 0])
  const asked = world.read()
  await world.settle()
  assert.equal(asked.outcome, 'NOT_COORDINATOR', 'never half a state')
  assert.equal([...world.runtime.machines()].length, 0)
  assert.deepEqual(world.machine().events, ['apply a=1'], 'it was never told that it is loaded')
  world.publish({ leaderEpoch: 1 })
  await world.settle()
  assert.equal(world.errors().length, 2, 'the next tenure tries again')
})

test('a record without a key fails the load', async () => {
  const world = await CoordinatorWorld.open()
  await world.appendBatch(batchOf([{ key: null as never, value: Buffer.from('1') }]))
  await world.restart()
  assert.deepEqual(world.errors(), [LOAD_FAILED])
})

test('a log that cannot be read fails the load', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['a', '1']))
  await world.settle()
  await world.stop()
  world.makeMachine = () => {
    world.disk.failNext({ operation: 'read', path: SEGMENT_PATH, code: 'EIO' })
    return new ToyMachine()
  }
  await world.restart()
  assert.deepEqual(world.errors(), [LOAD_FAILED])
})

test('who resigns in the middle of a load drops it, and the next life begins from the start', async () => {
  const world = await CoordinatorWorld.open()
  for (let index = 0; index < 300; index++) world.submit(put([`k${index}`, '1'], [`l${index}`, '1']))
  await world.settle()
  await world.stop()
  let resignsAt = 250
  world.makeMachine = () =>
    new ToyMachine({
      onApply: () => {
        if (--resignsAt === 0) world.publish({ leader: -1, leaderEpoch: 1 })
      },
    })
  await world.restart()
  const [first] = world.machines
  assert.ok(first!.machine.events.length < 330, `${first!.machine.events.length} events after it had resigned`)
  assert.deepEqual(
    first!.machine.events.filter((event) => !event.startsWith('apply')),
    [],
    'neither loaded nor unloaded',
  )
  world.publish({ leaderEpoch: 2 })
  await world.loaded()
  assert.equal(world.machine().values.size, 600)
  assert.equal(world.machines.length, 2)
})

test('a load that fails once nobody wants it is not told of', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['a', '1']))
  await world.settle()
  await world.stop()
  const onApply = () => {
    world.publish({ leader: -1, leaderEpoch: 1 })
    throw new Error('a bug')
  }
  world.makeMachine = () => new ToyMachine({ onApply })
  await world.restart()
  assert.deepEqual([world.errors(), world.runtime.ledPartitions()], [[], []])
})

test('two elections while the log is not open yet load once', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['a', '1']))
  await world.settle()
  await world.stop()
  world.start()
  world.publish()
  world.publish({ leaderEpoch: 1 })
  assert.equal(world.machines.length, 0)
  await world.loaded()
  assert.equal(world.machines.length, 1)
  assert.deepEqual(world.machine().events, ['apply a=1', 'loaded at 0'])
})

test('many partitions load, each its own log', async () => {
  const world = await CoordinatorWorld.open()
  world.publish({ partitions: 30 })
  await world.until(world.partitions.opened())
  await world.loaded()
  for (let index = 0; index < 30; index++) world.submit(put(['n', String(index)]), index)
  await world.settle()
  await world.stop()
  await world.restart({ partitions: 30 })
  for (let index = 0; index < 30; index++) assert.equal(textOf(world.machine(index)), `n=${index}`)
})

test('a load that took long is told of', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['a', '1']))
  await world.settle()
  world.makeMachine = () => new ToyMachine({ onApply: () => world.time.stall(1500) })
  await world.restart()
  const told = world.logger.lines.filter(({ message }) => message === 'Loaded a coordinator')
  assert.equal(told.length, 1)
  assert.deepEqual([told[0]!.fields['records'], told[0]!.fields['tookMs']], [1, 1500])
})
