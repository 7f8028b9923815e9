import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { loadConfig } from '../config.ts'
import { planRegisterBroker } from './broker-plans.ts'
import { applyRevision } from './changes.ts'
import {
  aliveKey,
  encodeAlive,
  encodeFeatures,
  encodeShard,
  encodeTopic,
  FEATURES_KEY,
  shardKey,
  topicKey,
} from './documents.ts'
import { emptyImage, type MetadataImage, type PartitionImage } from './image.ts'
import { planLiveness, planUnregisterBroker } from './liveness-plans.ts'
import { plaintext } from './one-broker.ts'
import type { ChangeSet } from './store.ts'

const TOPIC = 'AAAAAAAAAAAAAAAAAAAAAQ'

/** The store's documents, and the controller's steps on them. */
class Metadata {
  image: MetadataImage = emptyImage
  readonly #config
  #incarnations = 0

  constructor(settings: { [key: string]: string } = {}) {
    this.#config = loadConfig({ overrides: settings }).config
  }

  put(key: string, value: string | null): void {
    const revision = this.image.revision + 1
    this.image = applyRevision(this.image, revision, [{ key, value, revision }])
  }

  write(set: ChangeSet): void {
    const revision = this.image.revision + 1
    const puts = set.puts.map(({ key, value }) => ({ key, value, revision }))
    this.image = applyRevision(this.image, revision, puts)
  }

  topic(...partitions: readonly Partial<PartitionImage>[]): void {
    this.topicNamed('t', partitions)
  }

  topicNamed(name: string, partitions: readonly Partial<PartitionImage>[]): void {
    const full = partitions.map((fields, index) => ({
      ...{ index, replicas: [1, 2, 3], isr: [1, 2, 3], leader: 1, leaderEpoch: 0, partitionEpoch: 0 },
      ...fields,
    }))
    this.put(shardKey(TOPIC, 0), encodeShard(full))
    this.put(topicKey(TOPIC), encodeTopic({ name, partitionCount: full.length, configs: new Map() }))
  }

  register(id: number, directories = [`directory-of-${id}`]): void {
    const broker = { ...plaintext(id), incarnation: `incarnation-${++this.#incarnations}`, directories }
    this.write(planRegisterBroker(this.image, broker, { newClusterId: () => 'cluster' }))
  }

  /** Gives the sign of life of the registered incarnation. */
  alive(id: number, stopping = false): void {
    const { incarnation } = this.image.brokers.get(id)!
    this.put(aliveKey(id), encodeAlive({ incarnation, stopping }))
  }

  come(...ids: readonly number[]): void {
    for (const id of ids) this.register(id)
    for (const id of ids) this.alive(id)
    this.tidyUp()
  }

  dies(id: number): void {
    this.put(aliveKey(id), null)
  }

  unregister(id: number): void {
    const plan = planUnregisterBroker(this.image, id, this.#config)
    assert.ok(!(plan instanceof ProtocolError))
    for (const set of plan.sets) {
      this.write(set)
      for (const key of set.deletes) this.put(key, null)
    }
  }

  refusalToUnregister(id: number): string | null {
    const plan = planUnregisterBroker(this.image, id, this.#config)
    return plan instanceof ProtocolError ? plan.error : null
  }

  /** As the controller: one plan after the other. Answers how many commits it took. */
  tidyUp({ missesTheAbsent = true } = {}): number {
    for (let commits = 0; commits < 100; ) {
      const sets = planLiveness(this.image, { config: this.#config, missesTheAbsent, seenAlive: new Map() })
      if (sets.length === 0) return commits
      for (const set of sets) this.write(set)
      commits += sets.length
    }
    return assert.fail('It never ends')
  }

  partition(index = 0): [leader: number, isr: readonly number[], elr: readonly number[], leaderEpoch: number] {
    const { leader, isr, elr = [], leaderEpoch } = this.image.topicsById.get(TOPIC)!.partitions[index]!
    return [leader, isr, elr, leaderEpoch]
  }
  fenced(): number[] {
    return [...this.image.brokers.values()].filter((broker) => broker.fenced).map(({ id }) => id)
  }
}

function cluster(settings: { [key: string]: string } = {}): Metadata {
  const metadata = new Metadata(settings)
  metadata.come(1, 2, 3)
  metadata.topic({}, { replicas: [2, 3, 1], leader: 2 })
  assert.equal(metadata.tidyUp(), 0)
  return metadata
}

test('a broker that registers is fenced until it gives its sign of life', () => {
  const metadata = new Metadata()
  metadata.register(1)
  metadata.tidyUp()
  assert.deepEqual(metadata.fenced(), [1])
  metadata.alive(1)
  metadata.tidyUp()
  assert.deepEqual(metadata.fenced(), [])
})

test('who gives no sign of life is fenced, leaves the in-sync sets, and the next replica in sync leads', () => {
  const metadata = cluster()
  metadata.dies(1)
  metadata.tidyUp()
  assert.deepEqual(metadata.fenced(), [1])
  assert.deepEqual(metadata.partition(0), [2, [2, 3], [], 1])
  assert.deepEqual(metadata.partition(1), [2, [2, 3], [], 0])
})

test('a controller that was just elected misses nobody', () => {
  const metadata = cluster()
  metadata.dies(1)
  assert.equal(metadata.tidyUp({ missesTheAbsent: false }), 0)
})

test('the last in sync is not forgotten: it is an eligible leader, and leads again in a new epoch', () => {
  const metadata = cluster({ 'min.insync.replicas': '1' })
  for (const id of [3, 2, 1]) {
    metadata.dies(id)
    metadata.tidyUp()
  }
  assert.deepEqual(metadata.partition(), [-1, [], [1], 1])
  metadata.come(2)
  assert.deepEqual(metadata.partition(), [-1, [], [1], 1])
  metadata.come(1)
  assert.deepEqual(metadata.partition(), [1, [1], [], 2])
})

test('below min.insync.replicas a replica that left has all that was acknowledged, and may lead', () => {
  const metadata = cluster({ 'min.insync.replicas': '2' })
  for (const id of [3, 2, 1]) {
    metadata.dies(id)
    metadata.tidyUp()
  }
  assert.deepEqual(metadata.partition(), [-1, [], [2, 1], 1])
  metadata.come(2)
  assert.deepEqual(metadata.partition(), [2, [2], [1], 2])
})

test('a broker alone that starts anew leads again by one change of each partition', () => {
  const metadata = new Metadata()
  metadata.come(1)
  metadata.topic({ replicas: [1], isr: [1] })
  metadata.dies(1)
  metadata.register(1)
  assert.equal(metadata.tidyUp({ missesTheAbsent: false }), 0)
  metadata.alive(1)
  assert.equal(metadata.tidyUp({ missesTheAbsent: false }), 2)
  assert.deepEqual(metadata.partition(), [1, [1], [], 1])
})

test('a broker that starts anew before it was missed gives its leaderships away', () => {
  const metadata = cluster()
  metadata.dies(1)
  metadata.register(1)
  metadata.tidyUp()
  assert.deepEqual(metadata.partition(), [2, [2, 3], [], 1])
  metadata.alive(1)
  metadata.tidyUp()
  assert.deepEqual(metadata.fenced(), [])
  assert.deepEqual(metadata.partition(), [2, [2, 3], [], 1])
})

test('a broker that is being stopped leads nothing any more, as far as there are others', () => {
  const metadata = cluster()
  metadata.alive(1, true)
  metadata.tidyUp()
  assert.deepEqual(metadata.fenced(), [])
  assert.deepEqual(metadata.partition(0), [2, [2, 3], [], 1])
})

test('a broker back with an empty disk is no eligible leader, whatever it was (KIP-903, KIP-966)', () => {
  const metadata = cluster({ 'min.insync.replicas': '1' })
  for (const id of [3, 2, 1]) {
    metadata.dies(id)
    metadata.tidyUp()
  }
  metadata.register(1, ['another-directory'])
  metadata.alive(1)
  metadata.tidyUp()
  assert.deepEqual(metadata.fenced(), [2, 3])
  assert.deepEqual(metadata.partition(), [-1, [], [], 1])
})

test('who lost its disk is forgotten also where the leader is given time to come back', () => {
  for (const isr of [[1], [1, 2]]) {
    const metadata = cluster({ 'min.insync.replicas': '2' })
    for (const id of [3, 2]) metadata.dies(id)
    metadata.tidyUp()
    metadata.topic(
      { isr, ...(isr.includes(2) ? {} : { elr: [2] }), leaderEpoch: 1, partitionEpoch: 2 },
      { isr: [], leader: -1 },
    )
    metadata.dies(1)
    metadata.register(1)
    metadata.register(2, ['another-directory'])
    metadata.alive(2)
    metadata.tidyUp({ missesTheAbsent: false })
    assert.deepEqual(metadata.partition(), [1, [1], [], 1])
    assert.deepEqual(metadata.fenced(), [1, 3])
    metadata.tidyUp()
    assert.deepEqual(metadata.partition(), [-1, [], [1], 2])
  }
})

test('an unclean election takes who is there, where the topic allows it', () => {
  const metadata = cluster({ 'min.insync.replicas': '1', 'unclean.leader.election.enable': 'true' })
  for (const id of [3, 2, 1]) {
    metadata.dies(id)
    metadata.tidyUp()
  }
  metadata.come(3)
  assert.deepEqual(metadata.partition(), [3, [3], [], 2])
})

test('a controller that takes over after any commit ends where the first would have ended', () => {
  for (let stopAfter = 0; stopAfter < 6; stopAfter++) {
    const metadata = cluster()
    metadata.dies(1)
    const config = loadConfig({ overrides: {} }).config
    let commits = 0
    for (const set of planLiveness(metadata.image, { config, missesTheAbsent: true, seenAlive: new Map() })) {
      if (commits++ < stopAfter) metadata.write(set)
    }
    metadata.come(1)
    assert.deepEqual(metadata.fenced(), [], `after ${stopAfter} commits`)
    const [leader, isr] = metadata.partition()
    assert.ok(isr.includes(leader))
  }
})

test('Kafka’s own topics get more replicas as brokers join, unless somebody has said how many', () => {
  for (const [settings, expected] of [
    [{}, 3],
    [{ 'offsets.topic.replication.factor': '1' }, 1],
  ] as const) {
    const metadata = new Metadata(settings)
    metadata.come(1)
    metadata.topicNamed('__consumer_offsets', [{ replicas: [1], isr: [1] }])
    metadata.come(2)
    metadata.come(3)
    metadata.come(4)
    const [partition] = metadata.image.topicsById.get(TOPIC)!.partitions
    assert.equal(partition!.replicas.length, expected)
    assert.deepEqual([partition!.leader, partition!.isr, partition!.leaderEpoch], [1, [1], 0])
  }
})

test('a broker that is gone for good can be forgotten, and comes back as a new one', () => {
  const metadata = cluster()
  metadata.dies(3)
  metadata.tidyUp()
  metadata.unregister(3)
  assert.deepEqual([...metadata.image.brokers.keys(), ...metadata.image.supports.keys()], [1, 2, 1, 2])
  assert.deepEqual(metadata.partition(0), [1, [1, 2], [], 0])
  metadata.come(3)
  assert.deepEqual(metadata.fenced(), [])
})

test('a broker that lives, that is unknown, or that alone has all of a partition is not forgotten', () => {
  const metadata = cluster({ 'min.insync.replicas': '1' })
  assert.equal(metadata.refusalToUnregister(1), 'INVALID_REQUEST')
  assert.equal(metadata.refusalToUnregister(9), 'BROKER_ID_NOT_REGISTERED')
  for (const id of [3, 2, 1]) {
    metadata.dies(id)
    metadata.tidyUp()
  }
  assert.equal(metadata.refusalToUnregister(1), 'INVALID_REQUEST')
  metadata.unregister(2)
  metadata.come(2)
  assert.deepEqual(metadata.partition(), [-1, [], [1], 1], 'an empty one under its id leads nothing')
})

test('without eligible leader replicas the last one in sync is not forgotten either', () => {
  const metadata = cluster({ 'min.insync.replicas': '1' })
  metadata.put(FEATURES_KEY, encodeFeatures(new Map()))
  for (const id of [3, 2, 1]) {
    metadata.dies(id)
    metadata.tidyUp()
  }
  assert.deepEqual(metadata.partition(), [-1, [1], [], 1])
  assert.equal(metadata.refusalToUnregister(1), 'INVALID_REQUEST')
})
