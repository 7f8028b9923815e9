/**
 * Looks at the cluster every few milliseconds of a run: counts what happens in it, and checks what must hold at every
 * moment: a leader's high watermark never moves back within its epoch, and lies within its log.
 */
import { isReassigned, type MetadataImage, type PartitionImage } from '@ottla/broker/metadata/image.ts'
import type { Partition } from '@ottla/broker/partition/partition.ts'
import type { SimulatedCluster } from '../cluster.ts'
import type { Events } from './events.ts'
import { InSyncSets } from './in-sync.ts'
import { LogLines } from './log-lines.ts'

const GROUPS = '__consumer_offsets'

interface Observed {
  readonly leaderEpoch: number
  readonly isLeader: boolean
  readonly highWatermark: number
  readonly logEndOffset: number
}

export interface WatchOptions {
  readonly events: Events
  readonly tell: (line: string) => void
  /** Topics of which all records have acks=all. */
  readonly strictTopics: readonly string[]
}

export class ClusterWatch {
  readonly anomalies: string[] = []
  readonly #cluster: SimulatedCluster
  readonly #events: Events
  readonly #tell: (line: string) => void
  readonly #strictTopics: readonly string[]
  readonly #inSync: InSyncSets
  readonly #observed = new WeakMap<Partition, Observed>()
  readonly #lines: LogLines
  #image: MetadataImage
  #revision: number

  constructor(cluster: SimulatedCluster, options: WatchOptions) {
    this.#cluster = cluster
    this.#events = options.events
    this.#tell = options.tell
    this.#strictTopics = options.strictTopics
    this.#inSync = new InSyncSets(this.anomalies)
    this.#image = cluster.image
    this.#revision = cluster.revision
    this.#lines = new LogLines(cluster, { events: this.#events, anomalies: this.anomalies })
  }

  look(): void {
    if (this.#cluster.revision !== this.#revision) this.#lookAtMetadata()
    this.#lines.look()
    const replicas = this.#cluster.ids.flatMap((brokerId) => {
      return [...(this.#cluster.serving(brokerId)?.partitions() ?? [])].map((partition) => ({ brokerId, partition }))
    })
    for (const { brokerId, partition } of replicas) this.#lookAt(brokerId, partition)
    this.#inSync.look(
      replicas.filter(({ partition }) => this.#strictTopics.includes(partition.topicName)),
      this.#image,
    )
  }

  #lookAtMetadata(): void {
    const before = this.#image
    this.#revision = this.#cluster.revision
    this.#image = this.#cluster.image
    const { controllerId, controllerEpoch, topicsByName } = this.#image
    if (controllerEpoch !== before.controllerEpoch && controllerId >= 0) {
      this.#events.count('controller elected')
      this.#tell(`broker ${controllerId} is controller`)
    }
    for (const [name, { partitions }] of topicsByName) {
      for (const after of partitions) {
        const earlier = before.topicsByName.get(name)?.partitions[after.index]
        if (earlier !== undefined && earlier.partitionEpoch !== after.partitionEpoch)
          this.#changed(name, earlier, after)
      }
    }
  }

  #changed(name: string, before: PartitionImage, after: PartitionImage): void {
    const elr = after.elr === undefined ? '' : `, elr ${after.elr}`
    this.#tell(`${name}-${after.index}: leader ${after.leader} in epoch ${after.leaderEpoch}, isr ${after.isr}${elr}`)
    if (after.leader < 0) this.#events.count('partition without leader')
    else if (after.leaderEpoch !== before.leaderEpoch) this.#events.count('leader elected')
    if (name === GROUPS && after.leader !== before.leader && after.leader >= 0) this.#events.count('coordinator moved')
    if (isReassigned(before) && !isReassigned(after)) this.#events.count('reassignment completed')
    if (after.isr.length < before.isr.length) this.#events.count('ISR shrink')
    if (after.isr.length > before.isr.length) this.#events.count('ISR growth')
  }

  #lookAt(id: number, partition: Partition): void {
    const { topicName, index, leaderEpoch, isLeader, highWatermark, logEndOffset } = partition
    const before = this.#observed.get(partition)
    this.#observed.set(partition, { leaderEpoch, isLeader, highWatermark, logEndOffset })
    const name = `${topicName}-${index} on broker ${id}`
    if (highWatermark > logEndOffset) this.anomalies.push(`beyond the end: ${name}: ${highWatermark} > ${logEndOffset}`)
    if (before === undefined) return
    if (logEndOffset < before.logEndOffset) {
      this.#events.count('truncation')
      if (this.#leaderEnd(partition) > logEndOffset) this.#events.count('divergence')
      this.#tell(
        `${name} is cut from ${before.logEndOffset} to ${logEndOffset}, its high watermark is ${highWatermark}`,
      )
    }
    const isSameTerm = isLeader && before.isLeader && leaderEpoch === before.leaderEpoch
    if (isSameTerm && highWatermark < before.highWatermark) {
      this.anomalies.push(`high watermark back: ${name}: ${before.highWatermark} to ${highWatermark}`)
    }
  }

  /** −1 where the leader does not serve. */
  #leaderEnd({ topicId, index, image }: Partition): number {
    const leading = this.#cluster.ids.includes(image.leader) ? this.#cluster.serving(image.leader) : null
    for (const one of leading?.partitions() ?? []) {
      if (one.topicId === topicId && one.index === index) return one.logEndOffset
    }
    return -1
  }
}
