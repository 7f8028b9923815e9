/** Clusters of two versions, in so far as they differ by what they keep in the metadata store. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeFeatures, FEATURES_KEY } from '@ottla/broker/metadata/documents.ts'
import { featureRanges, SUPPORTED_FEATURES } from '@ottla/broker/metadata/features.ts'
import { createTopics, updateFeatures } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { Producer } from '@ottla/client/producer/producer.ts'
import { SimulatedCluster } from './cluster.ts'
import { contents } from './contents.ts'
import type { Version } from './machine.ts'

const FEATURE = 'ottla.metadata'
const NOW = 2
const TOPIC = 't'

/** Three brokers of one version, and a client that notes what was acknowledged to it. */
class World implements AsyncDisposable {
  readonly cluster: SimulatedCluster
  readonly client: Client
  readonly #producer: Producer
  readonly #acknowledged: string[] = []

  static async start(version: Version): Promise<World> {
    const cluster = await SimulatedCluster.start({ seed: `versions from ${version}`, version })
    const client = await cluster.client()
    const configs = { 'min.insync.replicas': '2' }
    const [created] = await cluster.until(createTopics(client, [{ name: TOPIC, assignments: [[1, 2, 3]], configs }]))
    assert.equal(created?.error, null)
    return new World(cluster, client)
  }

  private constructor(cluster: SimulatedCluster, client: Client) {
    this.cluster = cluster
    this.client = client
    this.#producer = new Producer(client)
  }

  /** In order, as an operator does it, with records acknowledged before, while it is away, and after. */
  async restart(id: number, version: Version): Promise<void> {
    await this.produce()
    await this.cluster.stopBroker(id)
    await this.produce()
    this.cluster.install(id, version)
    await this.cluster.startBroker(id)
    await this.cluster.untilTrue(() => this.#isr().length === 3)
    await this.produce()
  }

  async produce(): Promise<void> {
    const value = `record ${this.#acknowledged.length}`
    await this.cluster.until(this.#producer.send(TOPIC, { partition: 0, value }))
    this.#acknowledged.push(value)
  }

  async raise(): Promise<void> {
    await this.cluster.until(updateFeatures(this.client, [{ name: FEATURE, level: NOW }]))
  }

  get level(): number | undefined {
    return this.cluster.image.features.levels.get(FEATURE)
  }

  async nothingIsLost(): Promise<void> {
    assert.deepEqual(await this.cluster.until(contents(this.client, TOPIC)), this.#acknowledged)
  }

  #isr(): readonly number[] {
    return this.cluster.image.topicsByName.get(TOPIC)!.partitions[0]!.isr
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.until(this.#producer[Symbol.asyncDispose]())
    await this.cluster.until(this.client[Symbol.asyncDispose]())
    await this.cluster[Symbol.asyncDispose]()
  }
}

test('a cluster of the version before is upgraded broker by broker, stays at its level until all are, and loses nothing', async () => {
  await using w = await World.start('previous')
  assert.equal(w.level, undefined)
  await w.restart(2, 'current')
  // Also where the controller is the one that is replaced, and where a broker of the version before becomes it.
  await w.restart(1, 'current')
  await assert.rejects(w.raise(), {
    error: 'INVALID_UPDATE_VERSION',
    message: /ottla\.metadata.* broker 3 supports only 1/,
  })
  assert.equal(w.level, undefined)
  await w.restart(3, 'current')
  assert.equal(w.level, undefined, 'who upgrades raises the level, nobody else')
  await w.raise()
  assert.equal(w.level, NOW)
  await w.restart(1, 'current')
  await w.nothingIsLost()
})

test('one step back works as long as the level was not raised', async () => {
  await using w = await World.start('previous')
  for (const id of [1, 2, 3]) await w.restart(id, 'current')
  for (const id of [3, 1, 2]) await w.restart(id, 'previous')
  await w.nothingIsLost()
})

test('a stopped broker of the version before keeps the level from being raised: it could not come back', async () => {
  await using w = await World.start('previous')
  await w.restart(1, 'current')
  await w.restart(2, 'current')
  await w.cluster.stopBroker(3)
  await assert.rejects(w.raise(), { error: 'INVALID_UPDATE_VERSION', message: /broker 3/ })
  w.cluster.install(3, 'current')
  await w.cluster.startBroker(3)
  await w.raise()
  await w.nothingIsLost()
})

test('what a broker of today has told counts no more once one of the version before runs in its place', async () => {
  await using w = await World.start('previous')
  for (const id of [1, 2, 3]) await w.restart(id, 'current')
  await w.restart(2, 'previous')
  await assert.rejects(w.raise(), { error: 'INVALID_UPDATE_VERSION', message: /broker 2 supports only 1/ })
})

test('a controller of the version before, which writes registrations anew, does not lose what brokers have told', async () => {
  await using w = await World.start('previous')
  await w.restart(2, 'current')
  assert.equal(w.cluster.image.controllerId, 1)
  const registered = w.cluster.image.brokers.get(2)!
  assert.equal(registered.fenced, false, 'broker 1 has unfenced it')
  const told = w.cluster.image.supports.get(2)!
  assert.equal(told.incarnation, registered.incarnation)
  assert.deepEqual(told.ranges, featureRanges(SUPPORTED_FEATURES))
})

test('a new cluster starts at the latest level, and a broker that does not support it does not start', async () => {
  await using w = await World.start('current')
  assert.equal(w.level, NOW)
  await w.cluster.stopBroker(3)
  w.cluster.install(3, 'previous')
  await assert.rejects(w.cluster.startBroker(3), { name: 'DocumentError', message: /"features"/ })
  await w.nothingIsLost()
})

test('brokers that find a level raised beyond what they support end, and do not start again', async () => {
  await using w = await World.start('current')
  const { levels, epoch } = w.cluster.image.features
  const value = encodeFeatures(new Map([...levels, [FEATURE, NOW + 1]]))
  const ifRevision = [{ key: FEATURES_KEY, revision: epoch }]
  await w.cluster.store.commit({ ifRevision, puts: [{ key: FEATURES_KEY, value }], deletes: [] })
  await w.cluster.untilTrue(() => w.cluster.ids.every((id) => !w.cluster.isRunning(id)))
  await assert.rejects(w.cluster.startBroker(1), {
    name: 'UnsupportedFeatureError',
    message: /feature ottla\.metadata is at level 3, and this version of Ottla supports the levels 1 to 2/,
  })
})
