import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FollowerClosed, MetadataFollower } from './follower.ts'
import type { MetadataImage } from './image.ts'
import { MemoryStore } from './memory-store.ts'

const put = (key: string, value: string) => ({ ifRevision: [], puts: [{ key, value }], deletes: [] })
const cluster = (id: string) => put('cluster', JSON.stringify({ v: 1, clusterId: id }))
const fail = (error: unknown): void => assert.fail(String(error))

test('images come one after the other, the first before open resolves', async () => {
  await using store = new MemoryStore()
  await store.commit(cluster('one'))
  const seen: string[] = []
  const onImage = (image: MetadataImage) => void seen.push(image.clusterId)
  await using follower = await MetadataFollower.open({ store, onImage, onFailure: fail })
  assert.deepEqual(seen, ['one'])
  await store.commit(cluster('two'))
  await store.commit(cluster('three'))
  const image = await follower.reached(3)
  assert.deepEqual([seen, image.clusterId, follower.image], [['one', 'two', 'three'], 'three', image])
})

test('a follower that fell behind the history reads everything again', async () => {
  await using store = new MemoryStore({ historyRevisionsMax: 1 })
  await using follower = await MetadataFollower.open({ store, onImage: () => undefined, onFailure: fail })
  for (const id of ['one', 'two', 'three']) await store.commit(cluster(id))
  await store.commit(
    put('brokers/1', '{"v":1,"incarnation":"i","rack":null,"listeners":[],"fenced":false,"epoch":null}'),
  )
  const image = await follower.reached(4)
  assert.deepEqual([image.clusterId, image.brokers.get(1)!.epoch], ['three', 4])
})

test('what cannot be read is a failure, and ends all waits', async () => {
  await using store = new MemoryStore()
  const failures: unknown[] = []
  await using follower = await MetadataFollower.open({
    store,
    onImage: () => undefined,
    onFailure: (error) => failures.push(error),
  })
  const waiting = assert.rejects(follower.reached(9), FollowerClosed)
  await store.commit(put('cluster', '{"v":99}'))
  await waiting
  assert.match(String(failures[0]), /schema version 99/)
})

test('waits end when the follower is disposed', async () => {
  await using store = new MemoryStore()
  const follower = await MetadataFollower.open({ store, onImage: () => undefined, onFailure: fail })
  const waiting = assert.rejects(follower.reached(9), FollowerClosed)
  await follower[Symbol.asyncDispose]()
  await waiting
  await assert.rejects(follower.reached(9), FollowerClosed)
})

test('who waits for an image may end the wait', async () => {
  await using store = new MemoryStore()
  await using follower = await MetadataFollower.open({ store, onImage: () => undefined, onFailure: fail })
  const stop = new AbortController()
  const waiting = assert.rejects(follower.reached(9, stop), FollowerClosed)
  stop.abort()
  await waiting
  await assert.rejects(follower.reached(9, stop), FollowerClosed)
  assert.equal(follower.isClosed, false)
})
