import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyRevision, imageOf } from './changes.ts'
import {
  brokerKey,
  configDocumentKey,
  DocumentError,
  decodeShard,
  encodeBroker,
  encodeConfig,
  encodeFeatures,
  encodeShard,
  encodeTopic,
  partitionsPerShard,
  SHARD_BYTES_MAX,
  shardKey,
  topicKey,
} from './documents.ts'
import { dynamicConfig, emptyImage, NO_CONTROLLER, type PartitionImage } from './image.ts'
import { plaintext } from './one-broker.ts'
import { cut, pack, SET_OPERATIONS_MAX } from './plan.ts'
import { type Change, type ChangeSet, changeSetOperations } from './store.ts'

const A = 'aaaaaaaaaaaaaaaaaaaaaA'
const B = 'bbbbbbbbbbbbbbbbbbbbbA'
const put = (revision: number, key: string, value: string): Change => ({ key, value, revision })
const drop = (revision: number, key: string): Change => ({ key, value: null, revision })
const partition = (index: number): PartitionImage => ({
  index,
  replicas: [1],
  isr: [1],
  leader: 1,
  leaderEpoch: 0,
  partitionEpoch: 0,
})
const topic = (revision: number, id: string, name: string, partitionCount = 1): Change[] => [
  put(revision, topicKey(id), encodeTopic({ name, partitionCount, configs: new Map() })),
  put(revision, shardKey(id, 0), encodeShard(Array.from({ length: partitionCount }, (_, i) => partition(i)))),
]

test('what did not change is shared between neighbouring images', () => {
  const before = applyRevision(emptyImage, 1, [...topic(1, A, 'a'), ...topic(1, B, 'b')])
  const after = applyRevision(before, 2, [
    put(2, topicKey(A), encodeTopic({ name: 'a', partitionCount: 1, configs: new Map([['x', 'y']]) })),
  ])
  assert.equal(after.topicsById.get(B), before.topicsById.get(B))
  assert.equal(after.brokers, before.brokers)
  assert.notEqual(after.topicsById.get(A), before.topicsById.get(A))
  assert.equal(after.topicsById.get(A)!.partitions, before.topicsById.get(A)!.partitions)
  assert.equal(before.topicsById.get(A)!.configs.size, 0)
  assert.equal(after.revision, 2)
})

test('live changes and a snapshot come to the same image', () => {
  const live = applyRevision(applyRevision(emptyImage, 1, topic(1, A, 'a')), 2, [
    ...topic(2, B, 'b'),
    drop(2, topicKey(A)),
    drop(2, shardKey(A, 0)),
  ])
  const entries = topic(2, B, 'b').map(({ key, value }) => ({ key, value: value!, revision: 2 }))
  assert.deepEqual(imageOf({ revision: 2, entries }), live)
})

test('shards come before their topic, and beyond its count they do not show', () => {
  const [document, shard] = topic(3, A, 'a', 2)
  const early = applyRevision(emptyImage, 1, [put(1, shardKey(A, 0), shard!.value!)])
  assert.equal(early.topicsById.size, 0)
  const whole = applyRevision(early, 3, [document!])
  assert.equal(whole.topicsByName.get('a')!.partitions.length, 2)
  const beyond = applyRevision(whole, 4, [put(4, shardKey(A, 2), encodeShard([partition(2)]))])
  assert.equal(beyond.topicsByName.get('a')!.partitions.length, 2)
})

test('a name that passes to another topic in one revision belongs to the new one', () => {
  const before = applyRevision(emptyImage, 1, topic(1, A, 'a'))
  for (const changes of [
    [...topic(2, B, 'a'), drop(2, topicKey(A))],
    [drop(2, topicKey(A)), ...topic(2, B, 'a')],
  ]) {
    assert.equal(applyRevision(before, 2, changes).topicsByName.get('a')!.id, B)
  }
})

test('a broker that registers has the revision of its document as epoch, until it is written on', () => {
  const { id, ...fields } = plaintext(5)
  const registered = applyRevision(emptyImage, 7, [
    put(7, brokerKey(id), encodeBroker({ ...fields, fenced: false, lostData: false, epoch: null })),
  ])
  assert.equal(registered.brokers.get(5)!.epoch, 7)
  const fenced = applyRevision(registered, 8, [
    put(8, brokerKey(id), encodeBroker({ ...fields, fenced: true, lostData: false, epoch: 7 })),
  ])
  assert.deepEqual([fenced.brokers.get(5)!.epoch, fenced.brokers.get(5)!.fenced], [7, true])
  assert.equal(applyRevision(fenced, 9, [drop(9, brokerKey(id))]).brokers.size, 0)
})

test("a resource's name may hold slashes", () => {
  const image = applyRevision(emptyImage, 1, [
    put(1, configDocumentKey('group', 'a/b/c'), encodeConfig(new Map([['k', 'v']]))),
  ])
  assert.equal(dynamicConfig(image, 'group', 'a/b/c').values.get('k'), 'v')
})

test('features have the epoch of their document, and a controller vanishes with its own', () => {
  const image = applyRevision(emptyImage, 4, [
    put(4, 'features', encodeFeatures(new Map([['x', 2]]))),
    put(4, 'controller', '{"v":1,"broker":3}'),
  ])
  assert.deepEqual(
    [image.features.epoch, image.features.levels.get('x'), image.controllerId, image.controllerEpoch],
    [4, 2, 3, 4],
  )
  assert.equal(applyRevision(image, 5, [drop(5, 'controller')]).controllerId, NO_CONTROLLER)
})

test('a document of a later version or with damage stops the image, a key of a later version does not', () => {
  for (const value of ['{"v":2}', '{', '[]', '{"v":1,"name":5}', '{"v":1,"name":"a","partitions":1.5,"configs":{}}']) {
    assert.throws(() => applyRevision(emptyImage, 1, [put(1, topicKey(A), value)]), DocumentError, value)
  }
  assert.equal(applyRevision(emptyImage, 1, [put(1, 'of-the-future/x', 'anything')]).revision, 1)
})

test('a shard fits its bytes also when a reassignment doubled all replicas', () => {
  for (const replicationFactor of [1, 3, 7, 30]) {
    const ids = Array.from({ length: replicationFactor * 2 }, (_, i) => 2_147_483_600 + i)
    const directories = ids.map(() => A)
    const one = { replicas: ids, isr: ids, leader: ids[0]!, leaderEpoch: 2 ** 31, partitionEpoch: 2 ** 31, directories }
    const shard = Array.from({ length: partitionsPerShard(replicationFactor) }, (_, index) => ({ index, ...one }))
    assert.ok(encodeShard(shard).length <= SHARD_BYTES_MAX)
  }
})

test('a shard has a form of its own only while one of its partitions is reassigned', () => {
  const rest = partition(1)
  const moving = { ...partition(0), replicas: [4, 1, 2], addingReplicas: [4], removingReplicas: [2] }
  for (const [shard, version] of [
    [[partition(0), rest], 1],
    [[{ ...partition(0), elr: [2] }, rest], 1],
    [[moving, rest], 2],
    [[{ ...moving, elr: [2] }, rest], 2],
    [[{ ...partition(0), addingReplicas: [1] }], 2],
    [[{ ...partition(0), removingReplicas: [1] }], 2],
  ] as const) {
    const text = encodeShard(shard)
    assert.equal(JSON.parse(text).v, version)
    assert.deepEqual(decodeShard(shardKey(A, 0), text, 0), shard)
  }
  const later = encodeShard([rest]).replace('"v":1', '"v":3')
  assert.throws(() => decodeShard(shardKey(A, 0), later, 0), /schema version 3/)
})

test('plans share commits up to the limit and are finished by their last set', () => {
  const set = (puts: number, name = `${puts}`): ChangeSet => ({
    ifRevision: [],
    puts: Array.from({ length: puts }, (_, i) => ({ key: `${name}/${i}`, value: '' })),
    deletes: [],
  })
  const packed = pack([[set(1)], [], [set(SET_OPERATIONS_MAX), set(2)], [set(3)]])
  assert.deepEqual(
    packed.map(({ set: { puts }, finishes }) => [puts.length, finishes]),
    [
      [1, [0]],
      [SET_OPERATIONS_MAX, []],
      [5, [2, 3]],
    ],
  )
  assert.equal(pack([[set(1, 'same')], [set(2, 'same')]]).length, 2, 'a commit writes a key once')
  const deletes = Array.from({ length: 300 }, (_, i) => `k${i}`)
  const cuts = cut({ puts: [], deletes })
  assert.ok(cuts.every((one) => changeSetOperations(one) <= SET_OPERATIONS_MAX))
  assert.deepEqual(
    cuts.flatMap((one) => one.deletes),
    deletes,
  )
})
