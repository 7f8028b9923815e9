import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testBatch } from '../log/testing.ts'
import { brokerConfig } from '../testing/memory-broker.ts'
import { idOf, PartitionsFixture } from '../testing/partitions-fixture.ts'
import { RETRY_MS_MIN } from './offline-logs.ts'

test('what is published is opened, in a directory that says whose it is', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', partitions: 2 }])
  assert.deepEqual(one.names(), ['t-0', 't-1'])
  assert.equal(one.text('/data/t-1/partition.metadata'), `version: 0\ntopic_id: ${idOf('T')}`)
  assert.deepEqual([one.find('T').topicName, one.find('T', 1).index], ['t', 1])
  assert.equal(one.partitions.find(idOf('T'), 2), undefined)
  assert.equal(one.partitions.find(idOf('U'), 0), undefined)
  one.publish([{ id: 'T', partitions: 3 }])
  await one.until(one.partitions.opened())
  assert.equal(one.find('T', 2).logEndOffset, 0)
})

test('a large topic is opened a few logs in a turn, so that others are served meanwhile', async () => {
  const one = new PartitionsFixture()
  const openAtTurn: number[] = []
  const endOfTurn = one.time.endOfTurn.bind(one.time)
  one.time.endOfTurn = (callback) =>
    endOfTurn(() => {
      openAtTurn.push([...one.partitions.all()].length)
      callback()
    })
  await one.open([{ id: 'T', partitions: 100 }])
  const inOneTurn = openAtTurn.map((count, at) => count - (openAtTurn[at - 1] ?? 0))
  assert.equal([...one.partitions.all()].length, 100)
  assert.ok(Math.max(...inOneTurn) <= 32, `${inOneTurn} were opened between two turns`)
})

test('a change of settings reaches partitions that are open, and those that are being opened', async () => {
  const one = new PartitionsFixture()
  one.start()
  one.publish([{ id: 'T' }])
  one.publish([{ id: 'T', configs: { 'max.message.bytes': '11' } }])
  await one.until(one.partitions.opened())
  const partition = one.find('T')
  assert.equal(partition.rules.maxMessageBytes, 11)
  one.publish([{ id: 'T', configs: { 'max.message.bytes': '22', 'flush.messages': '3' } }])
  assert.equal(one.find('T'), partition, 'it is the same log')
  assert.deepEqual([partition.rules.maxMessageBytes, partition.log.settings.flushMessages], [22, 3])
})

test('a change of the broker’s own settings reaches every partition, also one that is being opened', async () => {
  const one = new PartitionsFixture()
  one.start()
  one.publish([{ id: 'T' }])
  one.config = brokerConfig({ 'message.max.bytes': '33' })
  one.publish([{ id: 'T' }], new Map())
  await one.until(one.partitions.opened())
  assert.equal(one.find('T').rules.maxMessageBytes, 33)
  one.config = brokerConfig({ 'message.max.bytes': '44' })
  one.publish([{ id: 'T' }], new Map())
  assert.equal(one.find('T').rules.maxMessageBytes, 44)
})

test('logs that become durable in another order than they were asked to are all open in the end', async () => {
  const syncDelaysMs: number[] = []
  const one = new PartitionsFixture({ syncDelaysMs })
  await one.open([{ id: 'T', partitions: 3 }])
  for (let index = 0; index < 3; index++) await one.append(one.find('T', index))
  one.start()
  syncDelaysMs.push(9, 5, 1)
  one.publish([{ id: 'T', partitions: 3 }])
  await one.until(one.partitions.opened())
  assert.deepEqual(
    [0, 1, 2].map((index) => one.find('T', index).logEndOffset),
    [1, 1, 1],
  )
  assert.deepEqual(syncDelaysMs, [])
})

test('a deleted topic is gone at once, its directory soon, and who waits for it is told', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T' }, { id: 'U', name: 'u' }])
  const partition = one.find('T')
  one.disk.holdSyncs()
  const buffer = testBatch()
  const result = partition.append({ buffer, at: 0, end: buffer.length, acks: -1, timeoutMs: 1000 })
  await one.time.settle()
  one.publish([{ id: 'U', name: 'u' }])
  assert.equal(one.partitions.find(idOf('T'), 0), undefined)
  assert.deepEqual(one.names(), ['t-0.#-delete', 'u-0'])
  await assert.rejects(result.kind === 'appended' ? result.done! : Promise.resolve(), {
    error: 'NOT_LEADER_OR_FOLLOWER',
  })
  one.disk.releaseSyncs()
  await one.time.run(59_999)
  assert.deepEqual(one.names(), ['t-0.#-delete', 'u-0'], 'whoever copies it has log.segment.delete.delay.ms')
  await one.time.run(1)
  assert.deepEqual(one.names(), ['u-0'])
})

test('a topic that is created again under its name begins empty, and inherits no offset', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T' }])
  await one.append(one.find('T'), { count: 5 })
  await one.until(one.partitions.deleteRecords(one.find('T'), 3))
  one.partitions.checkpoint()
  assert.match(one.text('/data/log-start-offset-checkpoint'), /^t 0 3$/m)
  one.publish([])
  one.publish([{ id: 'T2' }])
  await one.until(one.partitions.opened())
  assert.deepEqual([one.find('T2').logStartOffset, one.find('T2').logEndOffset], [0, 0])
  assert.doesNotMatch(one.text('/data/log-start-offset-checkpoint'), /^t 0/m, 'durably')
  await one.append(one.find('T2'), { count: 2 })
  await one.open([{ id: 'T2' }])
  assert.deepEqual([one.find('T2').logStartOffset, one.find('T2').logEndOffset], [0, 2])
  await one.time.settle()
  assert.deepEqual(one.names(), ['t-0'])
})

test('a topic may be deleted and created again while its log is being opened', async () => {
  const one = new PartitionsFixture()
  one.start()
  one.publish([{ id: 'T' }])
  one.publish([])
  one.publish([{ id: 'T2' }])
  one.publish([])
  one.publish([{ id: 'T3' }])
  await one.until(one.partitions.opened())
  await one.time.run(60_000)
  await one.append(one.find('T3'))
  assert.deepEqual(one.names(), ['t-0'])
  assert.match(one.text('/data/t-0/partition.metadata'), /T3/)
  assert.equal(one.partitions.find(idOf('T'), 0) ?? one.partitions.find(idOf('T2'), 0), undefined)
  assert.deepEqual(one.failures, [])
})

test('wherever a crash comes in its removal, a deleted topic’s records are not found by its successor', async () => {
  for (let operation = 1; operation <= 12; operation++) {
    for (let seed = 0; seed < 10; seed++) {
      const one = new PartitionsFixture({ seed: `${operation} ${seed}` })
      await one.open([{ id: 'T' }])
      await one.append(one.find('T'), { count: 5 })
      one.disk.crashAtOperation(one.disk.operations + operation)
      one.publish([])
      await one.time.settle()
      one.disk.crash()
      await one.open([{ id: 'T2' }])
      assert.equal(one.find('T2').logEndOffset, 0, `operation ${operation}, seed ${seed}`)
    }
  }
})

test('a directory that could not be renamed at the deletion is put aside when its name is used again', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T' }])
  await one.append(one.find('T'), { count: 5 })
  one.disk.failNext({ operation: 'rename', path: '/data/t-0', code: 'EIO' })
  one.publish([])
  await one.time.settle()
  assert.deepEqual(one.names(), ['t-0'])
  one.publish([{ id: 'T2' }])
  await one.until(one.partitions.opened())
  assert.equal(one.find('T2').logEndOffset, 0)
  assert.deepEqual(one.names(), ['t-0', 't-0.#-stray'])
})

test('what belongs to another topic id, or to no topic, is put aside at the start with all it has', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T' }, { id: 'U', name: 'u' }])
  await one.append(one.find('T'), { count: 5 })
  await one.until(one.partitions.deleteRecords(one.find('T'), 3))
  await one.stop()
  await one.open([{ id: 'T2' }])
  assert.deepEqual(one.names(), ['t-0', 't-0.#-stray', 'u-0.#-stray'])
  assert.deepEqual([one.find('T2').logStartOffset, one.find('T2').logEndOffset], [0, 0])
  assert.doesNotMatch(one.text('/data/log-start-offset-checkpoint'), /^[tu] 0/m, 'durably')
  const [stray] = one.disk.list('/data').filter(({ name }) => /^t-0\..*-stray$/.test(name))
  assert.match(one.text(`/data/${stray!.name}/partition.metadata`), new RegExp(idOf('T')))
  assert.ok(one.disk.stat(`/data/${stray!.name}/00000000000000000000.log`)!.size > 0)
})

test('a directory whose topic id was not written before a crash is used, as nothing can be in it', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T' }])
  one.disk.remove('/data/t-0/partition.metadata')
  await one.open([{ id: 'T' }])
  assert.deepEqual(one.names(), ['t-0'])
  assert.match(one.text('/data/t-0/partition.metadata'), new RegExp(idOf('T')))
})

test('of two directories of one name the one with the right topic id is used', async () => {
  const one = new PartitionsFixture({ paths: ['/one', '/two'] })
  await one.open([{ id: 'T' }])
  await one.append(one.find('T'), { count: 5 })
  await one.stop()
  one.disk.makeDirectory('/two/t-0')
  await one.open([{ id: 'T' }])
  assert.equal(one.find('T').logEndOffset, 5)
  assert.deepEqual([one.names('/one'), one.names('/two')], [['t-0'], ['t-0.#-stray']])
})

test('partitions are spread over the log directories, those that were there counted', async () => {
  const one = new PartitionsFixture({ paths: ['/one', '/two'] })
  await one.open([{ id: 'T', partitions: 8 }])
  assert.deepEqual([one.names('/one').length, one.names('/two').length], [4, 4])
  assert.equal(one.partitions.heldIn(one.directories[0]!).length, 4)
  one.publish([{ id: 'U', name: 'u' }])
  await one.until(one.partitions.opened())
  await one.stop()
  await one.open([{ id: 'U', name: 'u' }])
  one.publish([
    { id: 'U', name: 'u' },
    { id: 'V', name: 'v', partitions: 5 },
  ])
  await one.until(one.partitions.opened())
  assert.deepEqual([one.names('/one').length, one.names('/two').length], [3, 3])
})

test('what earlier lives had no time to remove goes with the first image, and not before', async () => {
  const one = new PartitionsFixture()
  one.disk.makeDirectory('/data/old-3.0123456789abcdef0123456789abcdef-delete/sub')
  one.start()
  await one.time.settle()
  assert.equal(one.names().length, 1, 'the directory may yet turn out to be another broker’s')
  one.publish([])
  await one.time.settle()
  assert.deepEqual(one.names(), [])
})

test('the checkpoints tell of each partition what is durable, where it begins and what is committed', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', partitions: 2 }])
  await one.append(one.find('T', 1), { count: 7 })
  await one.until(one.partitions.deleteRecords(one.find('T', 1), 4))
  one.disk.holdSyncs()
  const buffer = testBatch({ count: 2 })
  one.find('T', 1).append({ buffer, at: 0, end: buffer.length, acks: 1, timeoutMs: 1000 })
  await one.time.settle()
  one.partitions.checkpoint()
  assert.equal(one.text('/data/recovery-point-offset-checkpoint'), '0\n2\nt 0 0\nt 1 7\n')
  assert.match(one.text('/data/log-start-offset-checkpoint'), /^0\n2\n(t 0 0\nt 1 4|t 1 4\nt 0 0)\n$/)
  assert.equal(one.text('/data/replication-offset-checkpoint'), '0\n2\nt 0 0\nt 1 9\n')
})

test('checkpoints are written again and again, and once more at the end', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T' }])
  one.partitions.keepCheckpoints(100)
  const recoveryPoint = () => one.text('/data/recovery-point-offset-checkpoint').split('\n')[2]
  await one.append(one.find('T'))
  await one.time.run(100)
  assert.equal(recoveryPoint(), 't 0 1')
  await one.append(one.find('T'))
  one.disk.failNext({ operation: 'create', path: '/data/recovery-point-offset-checkpoint.tmp', code: 'ENOSPC' })
  await one.time.run(100)
  assert.equal(recoveryPoint(), 't 0 1', 'a disk that is full is no reason to stop')
  await one.time.run(100)
  assert.equal(recoveryPoint(), 't 0 2')
  await one.append(one.find('T'))
  await one.stop()
  assert.equal(recoveryPoint(), 't 0 3')
  assert.equal(one.time.pendingTimers, 0)
})

test('records are not deleted where that cannot be made durable', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T' }])
  await one.append(one.find('T'), { count: 5 })
  one.disk.failNext({ operation: 'create', path: '/data/log-start-offset-checkpoint.tmp', code: 'ENOSPC' })
  await assert.rejects(one.partitions.deleteRecords(one.find('T'), 3), { error: 'KAFKA_STORAGE_ERROR' })
  assert.equal(one.find('T').logStartOffset, 0)
  assert.equal(await one.until(one.partitions.deleteRecords(one.find('T'), 3)), 3)
  assert.equal(await one.until(one.partitions.deleteRecords(one.find('T'), 2)), 3, 'it never goes back')
})

test('a log that cannot be opened at the start is offline, the rest serves, and nobody claims that all was closed whole', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', partitions: 2 }])
  await one.append(one.find('T'))
  one.start()
  one.disk.failNext({ operation: 'read', path: '/data/t-0/00000000000000000000.log', code: 'EIO' })
  one.publish([{ id: 'T', partitions: 2 }])
  await one.until(one.partitions.opened())
  assert.deepEqual([one.partitions.isOffline(idOf('T'), 0), one.partitions.isOffline(idOf('T'), 1)], [true, false])
  await one.append(one.find('T', 1))
  assert.deepEqual(one.failures, [])
  await one.stop()
  assert.equal(one.partitions.closedWhole, false)
})

test('a stop before all logs are open does not claim that all was closed whole', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T', partitions: 20 }])
  one.start()
  one.publish([{ id: 'T', partitions: 20 }])
  await one.stop()
  assert.equal(one.partitions.closedWhole, false)
  await one.open([{ id: 'T', partitions: 20 }])
  await Promise.all([one.stop(), one.stop()])
  assert.equal(one.partitions.closedWhole, true)
})

test('a new log that cannot be opened takes down nothing else, and is tried again', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T' }])
  one.disk.failNext({ operation: 'write', path: '/data/u-0/partition.metadata', code: 'ENOSPC' })
  one.publish([{ id: 'T' }, { id: 'U', name: 'u' }])
  await one.until(one.partitions.opened())
  assert.equal(one.partitions.find(idOf('U'), 0), undefined)
  assert.deepEqual(one.failures, [])
  assert.ok(one.logger.lines.some(({ level, message }) => level === 'error' && message.includes('trying again')))
  await one.append(one.find('T'))
  await one.time.run(RETRY_MS_MIN)
  await one.append(one.find('U'))
  await one.stop()
  assert.equal(one.partitions.closedWhole, true)
})

test('a log that fails at its close is not closed whole', async () => {
  const one = new PartitionsFixture()
  await one.open([{ id: 'T' }])
  await one.append(one.find('T'))
  one.disk.failNext({ operation: 'sync', code: 'EIO' })
  await one.stop()
  assert.equal(one.partitions.closedWhole, false)
})
