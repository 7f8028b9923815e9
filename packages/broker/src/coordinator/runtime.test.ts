import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  COMMIT_TIMEOUT_MS,
  CoordinatorWorld,
  put,
  recordOf,
  ToyMachine,
  type ToyOperation,
  textOf,
} from '../testing/coordinator-world.ts'
import { answer, step } from './machine.ts'
import { PARKED_STEPS_MAX } from './parked-answers.ts'

/** An operation that answers without a record. */
const look: ToyOperation = (machine, ticket) => step({ answers: [answer(ticket, textOf(machine))] })

/** Waits in the machine until somebody ends the shard. */
const wait: ToyOperation = (machine, ticket) => {
  machine.waiting.push(ticket)
  return step()
}

function fail(message: string): never {
  throw new Error(message)
}

test('a step is decided and applied in the turn of its request, and answered when it is durable', async () => {
  const world = await CoordinatorWorld.open()
  world.disk.holdSyncs()
  const asked = world.submit(put(['a', '1'], ['b', '2']))
  assert.deepEqual(world.machine().events, ['loaded at 0', 'decide', 'apply a=1', 'apply b=2'])
  assert.equal(world.partition().logEndOffset, 2, 'one batch')
  await world.settle()
  assert.equal(asked.outcome, 'waiting')
  world.disk.releaseSyncs()
  await world.settle()
  assert.equal(asked.outcome, '', 'the state as it was decided on')
})

test('a step without records is answered at once while nothing is uncommitted', async () => {
  const world = await CoordinatorWorld.open()
  let given = ''
  const resolve = (reply: string): void => {
    given = reply
  }
  const ticket = { resolve, reject: () => {} }
  void world.runtime.submit<void>(0, () => step({ answers: [answer(ticket, 'now')] }))
  assert.equal(given, 'now', 'in this turn, without a promise between')
})

test('a reply that shows uncommitted state waits for it', async () => {
  const world = await CoordinatorWorld.open()
  world.disk.holdSyncs()
  const written = world.submit(put(['a', '1']))
  await world.settle()
  const [looked, read] = [world.submit(look), world.read()]
  await world.settle()
  assert.deepEqual(
    [written, looked, read].map(({ outcome }) => outcome),
    ['waiting', 'waiting', 'waiting'],
  )
  world.disk.releaseSyncs()
  await world.settle()
  assert.deepEqual(
    [written, looked, read].map(({ outcome }) => outcome),
    ['', 'a=1', 'a=1'],
  )
})

test('many steps of one turn share one write and one sync, and are answered in order', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['n', 'first']))
  await world.settle()
  const operations = world.disk.operations
  const asked = Array.from({ length: 100 }, (_, index) => world.submit(put(['n', String(index)])))
  await world.settle()
  assert.equal(asked.at(-1)!.outcome, 'n=98')
  assert.ok(world.disk.operations - operations <= 3, `${world.disk.operations - operations} operations`)
})

test('what was acknowledged is there after a crash, with the times it had', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['a', '1'], ['gone', 'x']))
  await world.settle()
  world.time.advance(500)
  world.submit(put(['gone', null], ['b', '2']))
  await world.settle()
  const { origins } = world.machine()
  world.disk.crash()
  await world.restart()
  assert.equal(textOf(world.machine()), 'a=1 b=2')
  assert.deepEqual(world.machine().origins, origins)
  assert.deepEqual([origins[0]!.timestampMs + 500, origins[0]!.producerId], [origins[3]!.timestampMs, -1])
})

test('a topic that stamps its records itself gives live records the time that replay finds', async () => {
  const world = await CoordinatorWorld.open({ configs: { 'message.timestamp.type': 'LogAppendTime' } })
  world.submit(put(['a', '1']))
  await world.settle()
  const { origins } = world.machine()
  await world.restart()
  assert.deepEqual(world.machine().origins, origins)
})

test('records are stored in the codec that was asked for', async () => {
  const world = await CoordinatorWorld.open({ codec: 'gzip' })
  world.submit(put(['a', 'x'.repeat(10_000)]))
  await world.settle()
  assert.ok(world.partition().log.bytes < 1000)
  await world.restart()
  assert.equal(textOf(world.machine()).length, 10_002)
})

test('who asks what is not led here, or not loaded yet, is told so', async () => {
  const world = new CoordinatorWorld()
  world.start()
  const early = world.submit(look)
  world.publish({ partitions: 2 })
  const [loading, missing] = [world.submit(look, 1), world.submit(look, 2)]
  assert.deepEqual([world.runtime.isLoading(1), world.runtime.isLoading(2)], [true, false])
  await world.loaded()
  assert.deepEqual(
    [early.outcome, loading.outcome, missing.outcome],
    ['NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS', 'NOT_COORDINATOR'],
  )
  assert.deepEqual(world.runtime.ledPartitions(), [0, 1])
  assert.equal([...world.runtime.machines()].length, 2)
})

test('a step whose records are refused was never applied, and its tickets learn the error', async () => {
  const world = await CoordinatorWorld.open({ configs: { 'max.message.bytes': '1000' } })
  const tooLarge = world.submit(put(['a', 'x'.repeat(2000)]))
  await world.settle()
  assert.equal(tooLarge.outcome, 'UNKNOWN_SERVER_ERROR')
  assert.deepEqual([world.partition().logEndOffset, textOf(world.machine())], [0, ''])
  const fits = world.submit(put(['a', '1']))
  await world.settle()
  assert.equal(fits.outcome, '', 'the shard goes on')
})

test('a machine that asks to hear of a refusal decides again', async () => {
  const world = await CoordinatorWorld.open({ configs: { 'max.message.bytes': '1000' } })
  const asked = world.submit<string>((_machine, ticket) =>
    step({
      records: [recordOf('a', 'x'.repeat(2000))],
      answers: [answer(ticket, 'dropped')],
      timers: [{ key: 'dropped', afterMs: 1, fire: () => fail('A refused step starts no timer') }],
      refused: (error) => step({ records: [recordOf('refused', error)], answers: [answer(ticket, error)] }),
    }),
  )
  await world.time.run(10)
  assert.equal(asked.outcome, 'UNKNOWN_SERVER_ERROR')
  assert.equal(textOf(world.machine()), 'refused=UNKNOWN_SERVER_ERROR')
})

test('too few replicas are an error that passes', async () => {
  const world = await CoordinatorWorld.open()
  const partition = world.partition()
  partition.update({ ...partition.image, replicas: [1, 2], isr: [1] })
  partition.configure({ ...partition.rules, minInSyncReplicas: 2 }, partition.log.settings)
  const refused = world.submit(put(['a', '1']))
  partition.configure({ ...partition.rules, minInSyncReplicas: 1 }, partition.log.settings)
  const taken = world.submit(put(['a', '2']))
  await world.settle()
  assert.deepEqual([refused.outcome, taken.outcome], ['COORDINATOR_NOT_AVAILABLE', ''])
})

test('an answer that is not committed in time is given up, and the state stays uncommitted until it is not', async () => {
  const world = await CoordinatorWorld.open()
  world.disk.holdSyncs()
  const written = world.submit(put(['a', '1']))
  await world.time.run(COMMIT_TIMEOUT_MS - 1)
  assert.equal(written.outcome, 'waiting')
  await world.time.run(1)
  assert.equal(written.outcome, 'COORDINATOR_NOT_AVAILABLE')
  const read = world.read()
  await world.settle()
  assert.equal(read.outcome, 'waiting', 'it shows what may be lost yet')
  world.disk.releaseSyncs()
  await world.settle()
  assert.equal(read.outcome, 'a=1')
  assert.equal(world.time.pendingTimers, 1, 'of the parked answers: the deadline of one that was given')
  await world.time.run(COMMIT_TIMEOUT_MS)
  assert.equal(world.machine().events.includes('unloaded'), false)
})

test('a process that was stopped gives the answers whose sync ended meanwhile', async () => {
  const world = await CoordinatorWorld.open()
  world.disk.holdSyncs()
  const written = world.submit(put(['a', '1']))
  await world.settle()
  world.time.stall(60_000)
  world.time.advance(0)
  world.disk.releaseSyncs()
  await world.settle()
  assert.equal(written.outcome, '')
})

test('a new leader epoch is a new life: who waits is sent away, the log is read again', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['a', '1']))
  await world.settle()
  world.disk.holdSyncs()
  const [uncommitted, waiting] = [world.submit(put(['a', '2'])), world.submit(wait)]
  world.publish({ leaderEpoch: 1 })
  await world.settle()
  assert.deepEqual([uncommitted.outcome, waiting.outcome], ['NOT_COORDINATOR', 'NOT_COORDINATOR'])
  assert.ok(world.runtime.isLoading(0), 'what is not committed yet is waited for')
  assert.deepEqual(world.machine().events, [])
  world.disk.releaseSyncs()
  await world.loaded()
  assert.equal(world.machines.length, 2)
  assert.deepEqual(world.machine().events, ['apply a=1', 'apply a=2', 'loaded at 0'])
  world.publish({ leaderEpoch: 1 })
  await world.settle()
  assert.equal(world.machines.length, 2, 'the same epoch is the same life')
})

test('a partition that is led elsewhere is unloaded, and loaded when it comes back', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['a', '1']))
  await world.settle()
  const waiting = world.submit(wait)
  world.publish({ leader: -1, leaderEpoch: 1 })
  const away = world.submit(look)
  await world.settle()
  assert.deepEqual([waiting.outcome, away.outcome], ['NOT_COORDINATOR', 'NOT_COORDINATOR'])
  assert.equal(world.machine().events.at(-1), 'unloaded')
  world.publish({ leaderEpoch: 2 })
  await world.loaded()
  assert.equal(world.machines.length, 2)
  assert.equal(textOf(world.machine()), 'a=1')
})

test('a topic that was made anew under its name starts empty', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['a', '1']))
  await world.settle()
  world.publish(null)
  assert.deepEqual(world.runtime.ledPartitions(), [])
  world.publish({ id: 'B' })
  await world.until(world.partitions.opened())
  await world.loaded()
  world.publish({ id: 'C' })
  await world.until(world.partitions.opened())
  await world.loaded()
  assert.deepEqual(
    world.machines.map(({ machine }) => textOf(machine)),
    ['a=1', '', ''],
  )
})

test('timers are events of the life that started them', async () => {
  const world = await CoordinatorWorld.open()
  const startTimer = (key: string, afterMs: number): ToyOperation => {
    const fire = () => step({ records: [recordOf(key, 'fired')] })
    return (_machine, ticket) => step({ timers: [{ key, afterMs, fire }], answers: [answer(ticket, 'started')] })
  }
  world.submit(startTimer('a', 100))
  world.submit(startTimer('b', 100))
  world.submit(startTimer('b', 300))
  world.submit(startTimer('c', 100))
  world.submit(() => step({ cancelled: ['c', 'unknown'] }))
  await world.time.run(200)
  assert.equal(textOf(world.machine()), 'a=fired')
  world.publish({ leaderEpoch: 1 })
  await world.loaded()
  await world.time.run(1000)
  assert.equal(textOf(world.machine()), 'a=fired')
})

test('work runs between turns, newer work of a key replaces older, and its end is an event', async () => {
  const world = await CoordinatorWorld.open()
  const ran: string[] = []
  const work = (name: string, pieces: number): ToyOperation => {
    function* run() {
      for (let piece = 0; piece < pieces; piece++) {
        ran.push(name)
        yield
      }
      return () => step({ records: [recordOf(name, 'done')] })
    }
    return (_machine, ticket) => step({ work: [{ key: 'work', run }], answers: [answer(ticket, 'begun')] })
  }
  world.submit(work('older', 3))
  assert.equal(ran.length, 0, 'not in the turn of the request')
  world.submit(work('newer', 3))
  await world.settle()
  assert.deepEqual(ran, ['newer', 'newer', 'newer'])
  assert.equal(textOf(world.machine()), 'newer=done')
  world.submit(work('lost', 3))
  world.publish({ leaderEpoch: 1 })
  await world.loaded()
  assert.equal(textOf(world.machine()), 'newer=done')
  assert.equal(ran.includes('lost'), false)
})

test('a machine that throws is a bug: one request pays for it, and the log decides what is true', async () => {
  const world = await CoordinatorWorld.open()
  world.submit(put(['a', '1']))
  await world.settle()
  const waiting = world.submit(wait)
  const broken = world.submit((machine) => {
    machine.values.set('half', 'done')
    return fail('a bug')
  })
  const meanwhile = world.submit(look)
  await world.settle()
  assert.deepEqual(
    [broken.outcome, waiting.outcome, meanwhile.outcome],
    ['UNKNOWN_SERVER_ERROR', 'NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS'],
  )
  assert.deepEqual(world.errors(), ['A coordinator failed and is unloaded'])
  await world.time.run(1000)
  await world.loaded()
  const after = world.read()
  await world.settle()
  assert.equal(after.outcome, 'a=1')
})

test('a bug in a timer, in work or in an image has the same end', async () => {
  const bugs: ((world: CoordinatorWorld) => void)[] = [
    (world) => void world.submit(() => step({ timers: [{ key: 't', afterMs: 1, fire: () => fail('a bug') }] })),
    (world) => void world.submit(() => step({ work: [{ key: 'w', run: () => failingWork() }] })),
    (world) => {
      world.machine().onImage = () => fail('a bug')
      world.publish()
    },
  ]
  for (const bug of bugs) {
    const world = await CoordinatorWorld.open()
    bug(world)
    await world.time.run(10)
    assert.ok(world.runtime.isLoading(0))
    await world.time.run(1000)
    await world.loaded()
    assert.equal(world.machines.length, 2)
  }
})

function* failingWork(): Generator<void, never> {
  yield
  return fail('a bug')
}

test('a record that cannot be applied is not acknowledged, and the shard is not served before it can be', async () => {
  const makeMachine = () => new ToyMachine({ onApply: (key) => void (key === 'poison' && fail('a bug')) })
  const world = await CoordinatorWorld.open({ makeMachine })
  const poisoned = world.submit(put(['poison', '1']))
  await world.settle()
  assert.equal(poisoned.outcome, 'UNKNOWN_SERVER_ERROR')
  await world.time.run(1000)
  await world.settle()
  const later = world.submit(look)
  await world.settle()
  assert.equal(later.outcome, 'NOT_COORDINATOR')
  assert.deepEqual(world.errors(), [
    'A coordinator failed and is unloaded',
    'Cannot load a partition of a coordinator: it is not served here',
  ])
  await world.time.run(60_000)
  assert.equal(world.machines.length, 2, 'what fails in replay would fail again')
})

test('a machine that fails as it begins is not loaded again and again', async () => {
  const makeMachine = () => new ToyMachine({ onLoaded: () => fail('a bug') })
  const world = await CoordinatorWorld.open({ makeMachine })
  await world.time.run(60_000)
  const asked = world.submit(look)
  await world.settle()
  assert.deepEqual([asked.outcome, world.machines.length], ['NOT_COORDINATOR', 1])
})

test('a machine that never takes no for an answer ends its shard', async () => {
  const world = await CoordinatorWorld.open({ configs: { 'max.message.bytes': '1000' } })
  let refusals = 0
  const asked = world.submit<string>((_machine, ticket) => {
    const insist = () => {
      refusals++
      return step({ records: [recordOf('a', 'x'.repeat(2000))], answers: [answer(ticket, 'done')], refused: insist })
    }
    return insist()
  })
  await world.settle()
  assert.deepEqual([asked.outcome, world.runtime.isLoading(0)], ['UNKNOWN_SERVER_ERROR', true])
  assert.ok(refusals < 10)
})

test('a machine that fails as it is unloaded costs nobody else an answer', async () => {
  const world = await CoordinatorWorld.open()
  world.machine().unloaded = () => fail('a bug')
  world.disk.holdSyncs()
  const written = world.submit(put(['a', '1']))
  world.publish({ leader: -1, leaderEpoch: 1 })
  await world.settle()
  assert.equal(written.outcome, 'NOT_COORDINATOR')
  assert.deepEqual(world.errors(), ['A coordinator failed as it was unloaded'])
})

test('a log that takes much and commits nothing gathers answers up to a bound', async () => {
  const world = await CoordinatorWorld.open()
  world.disk.holdSyncs()
  world.submit(put(['a', '1']))
  const looks = Array.from({ length: PARKED_STEPS_MAX }, () => world.submit(look))
  await world.settle()
  assert.deepEqual(
    looks.slice(-2).map(({ outcome }) => outcome),
    ['waiting', 'COORDINATOR_NOT_AVAILABLE'],
  )
  world.disk.releaseSyncs()
  const after = world.submit(look)
  await world.settle()
  assert.deepEqual([looks.at(-2)!.outcome, after.outcome], ['a=1', 'COORDINATOR_NOT_AVAILABLE'])
  const later = world.submit(look)
  await world.settle()
  assert.equal(later.outcome, 'a=1')
})

test('after dispose everybody was answered and nothing is left', async () => {
  const world = await CoordinatorWorld.open()
  world.disk.holdSyncs()
  const startTimer: ToyOperation = (_machine, ticket) =>
    step({ timers: [{ key: 't', afterMs: 100_000, fire: () => step() }], answers: [answer(ticket, 'started')] })
  const asked = [world.submit(wait), world.submit(put(['a', '1'])), world.read(), world.submit(startTimer)]
  const disposed = world.runtime[Symbol.asyncDispose]()
  const late = world.submit(look)
  await world.settle()
  await disposed
  assert.deepEqual(
    asked.map(({ outcome }) => outcome),
    Array(4).fill('NOT_COORDINATOR'),
  )
  assert.equal(late.outcome, 'COORDINATOR_NOT_AVAILABLE')
  world.publish({ leaderEpoch: 9 })
  assert.deepEqual(world.runtime.ledPartitions(), [])
  world.disk.releaseSyncs()
  await world.stop()
  assert.equal(world.partitions.closedWhole, true)
  assert.equal(world.time.pendingTimers, 0)
})
