import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deferred } from './deferred.ts'
import { FakeTime } from './fake-time.ts'
import { seededRandom } from './random.ts'

describe('FakeTime', () => {
  test('stands still until it is moved', () => {
    const time = new FakeTime({ wallMs: 1_000 })
    assert.deepEqual([time.wallMs(), time.monotonicMs()], [1_000, 0])
    time.advance(5)
    assert.deepEqual([time.wallMs(), time.monotonicMs()], [1_005, 5])
  })

  test('a jump of the wall clock leaves durations alone', () => {
    const time = new FakeTime({ wallMs: 1_000 })
    time.jumpWall(-500)
    assert.deepEqual([time.wallMs(), time.monotonicMs()], [500, 0])
  })

  test('what comes due in a stall fires late', () => {
    const time = new FakeTime()
    const fired: number[] = []
    for (const dueMs of [10, 20, 40]) time.after(dueMs, () => fired.push(time.monotonicMs()))
    time.stall(30)
    assert.deepEqual(fired, [])
    time.advance(10)
    assert.deepEqual(fired, [30, 30, 40])
  })

  test('timers fire by due time, then in the order of the calls, each at its own time', () => {
    const time = new FakeTime()
    const random = seededRandom(7)
    const fired: { dueMs: number; call: number; atMs: number }[] = []
    for (let call = 0; call < 500; call++) {
      const dueMs = random.below(50)
      time.after(dueMs, () => fired.push({ dueMs, call, atMs: time.monotonicMs() }))
    }
    time.advance(49)
    assert.equal(fired.length, 500)
    assert.ok(fired.every(({ dueMs, atMs }) => dueMs === atMs))
    assert.deepEqual(
      fired,
      fired.toSorted((left, right) => left.dueMs - right.dueMs || left.call - right.call),
    )
  })

  test('timers that are made on the way fire when they come due before the end', () => {
    const time = new FakeTime()
    const fired: number[] = []
    const again = () => {
      fired.push(time.monotonicMs())
      time.after(10, again)
    }
    time.after(10, again)
    time.advance(35)
    assert.deepEqual(fired, [10, 20, 30])
    assert.equal(time.monotonicMs(), 35)
  })

  test('a cancelled timer never fires and is not pending', () => {
    const time = new FakeTime()
    const timer = time.after(10, () => assert.fail('it fired'))
    assert.equal(time.pendingTimers, 1)
    timer.cancel()
    assert.equal(time.pendingTimers, 0)
    time.advance(10)
  })

  test('turn runs what was queued before it, and leaves what is queued meanwhile', () => {
    const time = new FakeTime()
    const order: string[] = []
    time.endOfTurn(() => {
      order.push('a')
      time.endOfTurn(() => order.push('c'))
    })
    time.endOfTurn(() => order.push('b'))
    time.turn()
    assert.deepEqual(order, ['a', 'b'])
    assert.equal(time.pendingTurn, true)
    time.turn()
    assert.deepEqual(order, ['a', 'b', 'c'])
  })

  test('run lets promises and turns happen between two timers', async () => {
    const time = new FakeTime()
    const order: string[] = []
    const work = async () => {
      await time.sleep(10)
      order.push(`slept ${time.monotonicMs()}`)
      time.endOfTurn(() => order.push('turn'))
      await time.sleep(10)
      order.push(`slept ${time.monotonicMs()}`)
    }
    void work()
    await time.run(25)
    assert.deepEqual(order, ['slept 10', 'turn', 'slept 20'])
  })

  test('alone, too, run leaves no continuation behind, through whatever chain of promises and soon it comes', async () => {
    const time = new FakeTime({ isAlone: true })
    const chain = async (links: number): Promise<void> => {
      for (let link = 0; link < links; link++) {
        for (let at = 0; at < 5; at++) await null
        const { promise, resolve } = deferred<void>()
        time.soon(resolve)
        await promise
      }
    }
    for (let round = 0; round < 300; round++) {
      const done: number[] = []
      for (const links of [0, 1, 7, 2]) void chain(links).then(() => void done.push(links))
      time.endOfTurn(() => void chain(3).then(() => void done.push(3)))
      await time.run(1)
      assert.deepEqual(
        done.toSorted((left, right) => left - right),
        [0, 1, 2, 3, 7],
      )
    }
  })

  test('a sleep that is aborted rejects with the reason and leaves no timer', async () => {
    const time = new FakeTime()
    const controller = new AbortController()
    const sleeping = time.sleep(10, { signal: controller.signal })
    controller.abort(new Error('enough'))
    await assert.rejects(sleeping, /enough/)
    assert.equal(time.pendingTimers, 0)
  })
})
