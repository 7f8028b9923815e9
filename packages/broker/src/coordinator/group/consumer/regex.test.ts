import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageWith } from '../../testing/transcript.ts'
import { joining, Scene } from './consumer-harness.ts'

const byRegex = (subscribedTopicRegex: string) => ({ subscribedTopicNames: null, subscribedTopicRegex })

test('an expression is resolved after the heartbeat, and its topics are assigned with the next', () => {
  const scene = new Scene({ 'a-1': 1, 'a-2': 2, b: 1 })
  assert.deepEqual(scene.join('m1', [], byRegex('a-.*')), { memberId: 'm1', epoch: 1, assignment: {} })
  const records = scene.records(() => scene.transcript.finishWork())
  assert.deepEqual(records, ['RegularExpression: a-1,a-2', 'Metadata: epoch 2'])
  assert.deepEqual(scene.told('m1', { epoch: 1, owned: {} }), {
    ...{ memberId: 'm1', epoch: 2, assignment: { 'a-1': [0], 'a-2': [0, 1] } },
  })
  assert.deepEqual(scene.group.subscribedTopics(), new Set(['a-1', 'a-2']))
})

test('the whole name must match, internal topics never do, nor those that the caller may not see', () => {
  const scene = new Scene({ ab: 1, abc: 1, secret: 1 })
  const image = imageWith({ ab: 1, abc: 1, secret: 1, __offsets: 1 }, 2)
  const internal = { ...image.topicsByName.get('__offsets')!, internal: true }
  scene.setImage({ ...image, topicsByName: new Map([...image.topicsByName, ['__offsets', internal]]) })
  scene.say('m1', joining([], byRegex('ab')), { mayDescribeTopic: (name) => name !== 'secret' })
  scene.transcript.finishWork()
  assert.deepEqual(scene.group.subscribedTopics(), new Set(['ab']))
  scene.transcript.advance(10_001)
  scene.say('m1', { epoch: 1, ...byRegex('.*') }, { mayDescribeTopic: (name) => name !== 'secret' })
  scene.transcript.finishWork()
  assert.deepEqual(scene.group.subscribedTopics(), new Set(['ab', 'abc']))
})

test('an expression that is none is refused with what is wrong with it', () => {
  const scene = new Scene({ t: 1 })
  assert.equal(scene.say('m1', joining([], byRegex('a['))).error, 'INVALID_REGULAR_EXPRESSION')
  assert.equal(scene.transcript.subject.group, null)
  scene.join('m1', ['t'])
  assert.equal(scene.say('m1', { epoch: 1, ...byRegex('(?=x)') }).error, 'INVALID_REGULAR_EXPRESSION')
  assert.equal(scene.told('m1', { epoch: 1 }).epoch, 1)
})

test('names and expression count together', () => {
  const scene = new Scene({ 'a-1': 1, b: 1 })
  assert.deepEqual(scene.join('m1', ['b'], { subscribedTopicRegex: 'a-.*' }).assignment, { b: [0] })
  scene.transcript.finishWork()
  assert.deepEqual(scene.told('m1', { epoch: 1, owned: { b: [0] } }).assignment, { b: [0], 'a-1': [0] })
})

test('who takes a resolved expression has its topics at once', () => {
  const scene = new Scene({ a: 2 })
  scene.join('m1', [], byRegex('a'))
  scene.transcript.finishWork()
  scene.told('m1', { epoch: 1, owned: {} })
  assert.equal(scene.join('m2', [], byRegex('a')).epoch, 3)
  assert.deepEqual(scene.transcript.pendingWork, [])
})

test('an expression that is given up is forgotten with its last member', () => {
  const scene = new Scene({ a: 1, b: 1 })
  scene.join('m1', [], byRegex('a'))
  scene.transcript.finishWork()
  scene.told('m1', { epoch: 1, owned: {} })
  const cleared = scene.records(() => {
    const told = scene.told('m1', {
      epoch: 2,
      subscribedTopicRegex: '',
      subscribedTopicNames: ['b'],
      owned: { a: [0] },
    })
    assert.deepEqual(told, { memberId: 'm1', epoch: 2, assignment: {} })
  })
  assert.equal(cleared[1], 'RegularExpression gone')
  assert.deepEqual(scene.told('m1', { epoch: 2, owned: {} }), { memberId: 'm1', epoch: 3, assignment: { b: [0] } })
  scene.join('m2', [], byRegex('b'))
  scene.transcript.finishWork()
  assert.ok(scene.records(() => scene.say('m2', { epoch: -1 })).includes('RegularExpression gone'))
})

test('topics of an old expression go before the new one is resolved', () => {
  const scene = new Scene({ a: 1, b: 1 })
  scene.join('m1', [], byRegex('a'))
  scene.transcript.finishWork()
  scene.told('m1', { epoch: 1, owned: {} })
  scene.transcript.advance(10_001)
  assert.deepEqual(scene.told('m1', { epoch: 2, ...byRegex('b'), owned: { a: [0] } }), {
    ...{ memberId: 'm1', epoch: 2, assignment: {} },
  })
  scene.transcript.finishWork()
  assert.deepEqual(scene.told('m1', { epoch: 2, owned: {} }), { memberId: 'm1', epoch: 3, assignment: { b: [0] } })
})

test('new topics are found at a heartbeat, but not within ten seconds of the last resolution', () => {
  const scene = new Scene({ 'a-1': 1 })
  scene.join('m1', [], byRegex('a-.*'))
  scene.transcript.finishWork()
  scene.setTopics({ 'a-1': 1, 'a-2': 1 })
  scene.told('m1', { epoch: 1, owned: {} })
  assert.deepEqual(scene.transcript.pendingWork, [])
  scene.transcript.advance(10_001)
  scene.told('m1', { epoch: 2 })
  assert.equal(scene.transcript.pendingWork.length, 1)
  scene.transcript.finishWork()
  assert.deepEqual(scene.told('m1', { epoch: 2, owned: { 'a-1': [0] } }).assignment, { 'a-1': [0], 'a-2': [0] })
})

test('expressions are resolved anew after their time, and nothing moves when nothing has changed', () => {
  const scene = new Scene({ a: 1 })
  scene.world.changedSettings = { consumerSessionTimeoutMs: 3_600_000 }
  scene.join('m1', [], byRegex('a'))
  scene.transcript.finishWork()
  scene.told('m1', { epoch: 1, owned: {} })
  scene.transcript.advance(600_000)
  scene.told('m1', { epoch: 2 })
  assert.deepEqual(scene.transcript.pendingWork, [])
  scene.transcript.advance(1)
  scene.told('m1', { epoch: 2 })
  assert.deepEqual(
    scene.records(() => scene.transcript.finishWork()),
    ['RegularExpression: a'],
  )
})

test('a long list of topics is matched in pieces', () => {
  const names = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`t${at}`, 1]))
  const scene = new Scene(names)
  scene.join('m1', [], byRegex('t.*'))
  assert.ok(scene.transcript.finishWork() > 10)
  assert.equal(scene.group.subscribedTopics().size, 1000)
})

test('the resolution of a group that is gone writes nothing', () => {
  const scene = new Scene({ a: 1 })
  scene.join('m1', [], byRegex('a'))
  scene.say('m1', { epoch: -1 })
  assert.deepEqual(
    scene.records(() => scene.transcript.finishWork()),
    [],
  )
})
