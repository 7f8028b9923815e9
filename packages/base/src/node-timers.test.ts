import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deferred } from './deferred.ts'
import { systemTimers } from './node-timers.ts'

function turns(): Promise<void> {
  const { promise, resolve } = deferred<void>()
  systemTimers.endOfTurn(() => systemTimers.endOfTurn(resolve))
  return promise
}

describe('systemTimers', () => {
  test('end-of-turn callbacks run in order, after the promises of the turn, and not within the call', async () => {
    const order: string[] = []
    systemTimers.endOfTurn(() => order.push('first'))
    systemTimers.endOfTurn(() => order.push('second'))
    void Promise.resolve().then(() => order.push('promise'))
    assert.deepEqual(order, [])
    await turns()
    assert.deepEqual(order, ['promise', 'first', 'second'])
  })

  test('what is queued while callbacks run waits for the next turn', async () => {
    const order: string[] = []
    systemTimers.endOfTurn(() => {
      systemTimers.endOfTurn(() => order.push('next turn'))
      setImmediate(() => order.push('after the next turn'))
    })
    systemTimers.endOfTurn(() => order.push('same turn'))
    await turns()
    await turns()
    assert.deepEqual(order, ['same turn', 'next turn', 'after the next turn'])
  })

  test('callbacks behind one that throws still run', async (context) => {
    const { promise, resolve } = deferred<unknown>()
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    context.after(() => others.forEach((listener) => void process.on('uncaughtException', listener)))
    process.once('uncaughtException', resolve)
    const error = new Error('from a callback')
    const behind = deferred<void>()
    systemTimers.endOfTurn(() => {
      throw error
    })
    systemTimers.endOfTurn(behind.resolve)
    assert.equal(await promise, error)
    await behind.promise
  })

  test('soon runs once the promises that have settled have called their reactions', async () => {
    const order: string[] = []
    await turns()
    systemTimers.soon(() => order.push('soon'))
    void Promise.resolve()
      .then(() => order.push('one'))
      .then(() => order.push('two'))
    await turns()
    assert.deepEqual(order, ['one', 'two', 'soon'])
  })

  test('a timer fires once, and a cancelled one never', async () => {
    const fired = deferred<void>()
    let cancelledFired = false
    const cancelled = systemTimers.after(0, () => {
      cancelledFired = true
    })
    cancelled.cancel()
    cancelled.cancel()
    const hold = setInterval(() => {}, 1_000)
    const timer = systemTimers.after(1, fired.resolve)
    await fired.promise
    clearInterval(hold)
    timer.cancel()
    assert.equal(cancelledFired, false)
  })

  test('a delay beyond what Node can do does not fire at once', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    let fired = 0
    systemTimers.after(2 ** 31 + 10, () => fired++)
    context.mock.timers.tick(2 ** 31 - 1)
    assert.equal(fired, 0)
    context.mock.timers.tick(10)
    assert.equal(fired, 0)
    context.mock.timers.tick(1)
    assert.equal(fired, 1)
  })

  test('sleep ends by itself or with the reason of the signal, and leaves no timer', async () => {
    await systemTimers.sleep(1)
    const reason = new Error('enough')
    await assert.rejects(systemTimers.sleep(60_000, { signal: AbortSignal.abort(reason) }), reason)
    const controller = new AbortController()
    const sleeping = systemTimers.sleep(60_000, { signal: controller.signal })
    controller.abort(reason)
    await assert.rejects(sleeping, reason)
    assert.equal(process.getActiveResourcesInfo().includes('Timeout'), false)
  })
})
