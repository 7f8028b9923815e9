/** When a cluster is at rest: everybody serves, every replica has everything, and who reads has read it. */
import { isReassigned } from '@ottla/broker/metadata/image.ts'
import type { Partition } from '@ottla/broker/partition/partition.ts'
import type { SimulatedCluster } from './cluster.ts'
import type { ProduceAndRead } from './workloads/produce-and-read.ts'
import { isAt, nameOf, type Place } from './workloads/workload.ts'

export class Rest {
  readonly #cluster: SimulatedCluster
  readonly #workload: ProduceAndRead
  readonly #places: readonly Place[]

  constructor(cluster: SimulatedCluster, workload: ProduceAndRead, places: readonly Place[]) {
    this.#cluster = cluster
    this.#workload = workload
    this.#places = places
  }

  /** What is not yet as it should be in the end; null at rest. */
  unrest(): string | null {
    const cluster = this.#cluster
    const absent = cluster.ids.find((id) => cluster.serving(id) === null)
    if (absent !== undefined) return `broker ${absent} does not serve`
    if (this.#workload.unsettled > 0) return `${this.#workload.unsettled} records have no outcome`
    for (const place of this.#places) {
      const unrest = this.#unrestOf(place)
      if (unrest !== null) return `${nameOf(place)} ${unrest}`
    }
    return null
  }

  /** At the broker that the cluster says leads it. */
  leading(place: Place): Partition | undefined {
    const leader = this.#imageOf(place)?.leader ?? -1
    return this.#cluster.ids.includes(leader) ? this.replica(leader, place) : undefined
  }

  /** Undefined where the broker does not serve, or does not have it. */
  replica(id: number, place: Place): Partition | undefined {
    for (const partition of this.#cluster.serving(id)?.partitions() ?? []) {
      if (isAt(place)({ topic: partition.topicName, partition: partition.index })) return partition
    }
    return undefined
  }

  /** Whom the cluster says that it is on. */
  replicas(place: Place): { readonly ids: readonly number[]; readonly isMoving: boolean } {
    const image = this.#imageOf(place)
    return image === undefined ? { ids: [], isMoving: false } : { ids: image.replicas, isMoving: isReassigned(image) }
  }

  #imageOf({ topic, partition }: Place) {
    return this.#cluster.image.topicsByName.get(topic)?.partitions[partition]
  }

  #unrestOf(place: Place): string | null {
    const { leader, isr } = this.#imageOf(place)!
    if (leader < 0 || isr.length < this.#cluster.ids.length) return `is led by ${leader} with isr ${isr}`
    const led = this.leading(place)
    if (led?.isLeader !== true) return `has a leader that does not know it`
    const { highWatermark, logEndOffset } = led
    if (highWatermark < logEndOffset) return `has its high watermark at ${highWatermark} of ${logEndOffset}`
    const ends = this.#cluster.ids.map((id) => this.replica(id, place)?.logEndOffset)
    if (ends.some((end) => end !== logEndOffset)) return `ends at ${ends} on its replicas`
    const starts = this.#cluster.ids.map((id) => this.replica(id, place)?.logStartOffset ?? 0)
    if (starts.some((start) => start < led.logStartOffset)) return `begins at ${starts} on its replicas`
    const readTo = this.#workload.readTo(place)
    const hasEnded = this.#workload.readings.filter(isAt(place)).some(({ error }) => error !== null)
    return readTo < highWatermark && !hasEnded ? `is read up to ${readTo} of ${highWatermark}` : null
  }
}
