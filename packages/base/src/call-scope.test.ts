import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CallScope } from './call-scope.ts'
import { deferred } from './deferred.ts'

test('inside is what a call does behind its awaits, and nothing else that happens meanwhile', async () => {
  const scope = new CallScope()
  const gate = deferred<void>()
  const call = scope.run(async () => {
    const atOnce = scope.isInside
    await gate.promise
    return [atOnce, scope.isInside]
  })
  assert.equal(scope.isInside, false)
  gate.resolve()
  assert.deepEqual(await call, [true, true])
  assert.equal(scope.isInside, false)
})

test('what a call has left behind is outside once the call has ended, or failed', async () => {
  const scope = new CallScope()
  const gate = deferred<void>()
  const left: Promise<boolean>[] = []
  const leave = (): void => {
    left.push(gate.promise.then(() => scope.isInside))
  }
  await scope.run(leave)
  const failed = scope.run(() => {
    leave()
    throw new Error('failed')
  })
  await assert.rejects(failed, /failed/)
  gate.resolve()
  assert.deepEqual(await Promise.all(left), [false, false])
})

test('each scope knows its own calls', async () => {
  const [one, other] = [new CallScope(), new CallScope()]
  await one.run(() => assert.deepEqual([one.isInside, other.isInside], [true, false]))
})
