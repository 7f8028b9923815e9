/**
 * Owns three brokers on one etcd, of which each can be of another version than its neighbours, and clients that never
 * rest: librdkafka's idempotent producer in a process of its own, and ours, both with acks=all. Whatever a client is told
 * that it cannot go on after fails the run, and so does a record that was acknowledged and is not there once, in its place.
 */
import assert from 'node:assert/strict'
import { imageOf } from '@ottla/broker/metadata/changes.ts'
import { METADATA_FEATURE } from '@ottla/broker/metadata/features.ts'
import type { MetadataImage } from '@ottla/broker/metadata/image.ts'
import {
  createTopics,
  deleteTopics,
  describeConfigs,
  describeTopics,
  incrementalAlterConfigs,
  updateFeatures,
} from '@ottla/client/admin.ts'
import { type Client, openClient } from '@ottla/client/client.ts'
import type { ProtocolError } from '@ottla/protocol/errors.ts'
import { connect } from '../cluster.ts'
import { ConfluentProducer } from '../crash/confluent-producer.ts'
import { Lane } from '../crash/lanes.ts'
import { BrokerCluster, untilIsr } from '../etcd/broker-cluster.ts'
import { EtcdMember, freePorts } from '../etcd/etcd-process.ts'
import { contents, Load } from '../etcd/load.ts'
import { openStore } from '../etcd/store-of.ts'

const IDS = [1, 2, 3]
const [OURS, THEIRS] = ['of-ottla', 'of-librdkafka']
const LEADERS = [
  [1, 2, 3],
  [2, 3, 1],
  [3, 1, 2],
]
/** Acknowledged between two steps. */
const RECORDS = 20

export class MixedCluster implements AsyncDisposable {
  readonly cluster: BrokerCluster
  readonly client: Client
  readonly load: Load
  readonly #stack: AsyncDisposableStack
  readonly #etcd: EtcdMember
  readonly #producer: ConfluentProducer
  #steps = 0

  /** `ottla`: the command line that all brokers are started with at first. */
  static async start(ottla: string): Promise<MixedCluster> {
    await using stack = new AsyncDisposableStack()
    const etcd = stack.use(await EtcdMember.start())
    const store = (): string => `etcd://${etcd.address}/mixed`
    const ports = await freePorts(IDS.length)
    const listen = (id: number): string => `127.0.0.1:${ports[id - 1]}`
    const cluster = stack.use(await BrokerCluster.start({ store, brokers: IDS.length, ottla, listen }))
    const client = stack.use(await openClient({ bootstrap: cluster.bootstrap }))
    const configs = { 'min.insync.replicas': '2' }
    const topics = [
      { name: OURS, assignments: [[1, 2, 3]], configs },
      { name: THEIRS, assignments: LEADERS, configs },
    ]
    for (const { error } of await createTopics(client, topics)) assert.equal(error, null)
    const load = stack.use(new Load(client, OURS))
    const lanes = LEADERS.map((_, partition) => new Lane(THEIRS, partition))
    const producer = stack.use(new ConfluentProducer({ bootstrap: cluster.bootstrap, lanes }))
    return new MixedCluster({ cluster, client, load, etcd, producer, stack: stack.move() })
  }

  private constructor(parts: {
    cluster: BrokerCluster
    client: Client
    load: Load
    etcd: EtcdMember
    producer: ConfluentProducer
    stack: AsyncDisposableStack
  }) {
    this.cluster = parts.cluster
    this.client = parts.client
    this.load = parts.load
    this.#etcd = parts.etcd
    this.#producer = parts.producer
    this.#stack = parts.stack
  }

  async image(): Promise<MetadataImage> {
    await using store = await openStore({ addresses: [this.#etcd.address], prefix: '/mixed' })
    return imageOf(await store.read(''))
  }

  /** The controller last, so that it leads brokers of the other version before one of them takes over. */
  async inOrder(): Promise<number[]> {
    const { controllerId } = await this.image()
    return [...IDS.filter((id) => id !== controllerId), controllerId]
  }

  /** Stops a broker in order and starts it as another version; both clients have written on when it is in sync again. */
  async become(id: number, ottla: string): Promise<void> {
    await this.load.more(RECORDS)
    const { exitCode } = await this.cluster.broker(id).stop()
    assert.equal(exitCode, 0, `broker ${id} stops`)
    await this.load.more(RECORDS)
    await this.cluster.restart(id, { ottla })
    await untilIsr(this.client, OURS, IDS)
    await this.administrate()
    await this.load.more(RECORDS)
  }

  /** What goes to the controller, asked of each broker, whatever the versions of both. */
  async administrate(): Promise<void> {
    this.#steps++
    for (const id of IDS) {
      await using client = await openClient({ bootstrap: this.cluster.broker(id).bootstrap })
      const name = `step-${this.#steps}-by-${id}`
      const [created] = await createTopics(client, [{ name, partitions: 2, replicationFactor: 3 }])
      assert.equal(created?.error, null)
      const resource = { type: 'topic', name } as const
      const changes = [{ name: 'retention.ms', operation: 'set', value: '1000' } as const]
      const [altered] = await incrementalAlterConfigs(client, [{ resource, changes }])
      assert.equal(altered?.error, null)
      const [config] = await describeConfigs(client, [resource])
      assert.equal(config?.entries.find((entry) => entry.name === 'retention.ms')?.value, '1000')
      const [deleted] = await deleteTopics(client, [name])
      assert.equal(deleted?.error, null)
    }
  }

  /** Null: it is raised; else why not. */
  async raise(level: number): Promise<ProtocolError | null> {
    try {
      await updateFeatures(this.client, [{ name: METADATA_FEATURE, level }])
      return null
    } catch (error) {
      return error as ProtocolError
    }
  }

  async level(): Promise<number | null> {
    return (await this.image()).features.levels.get(METADATA_FEATURE) ?? null
  }

  /** Ends the load; everything that was acknowledged is there, once and in its order. Answers how many records that were. */
  async finish(): Promise<number> {
    await this.load.stop()
    await this.#producer.finish()
    assert.deepEqual(await contents(this.client, OURS), this.load.acknowledged)
    const [described] = await describeTopics(this.client, [THEIRS])
    let count = this.load.acknowledged.length
    for (const [i, lane] of this.#producer.lanes.entries()) {
      const { host, port } = this.cluster.broker(described!.partitions[i]!.leader)
      await using connection = await connect({ host, port })
      await lane.checkAll(connection)
      count += lane.acknowledged
    }
    return count
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}
