/** Where the leaders of partitions are that a client looked for on the wrong broker (KIP-951). */
import { endpointOf, type MetadataImage, partitionOf, type Uuid } from '../metadata/image.ts'

interface NodeEndpoint {
  nodeId: number
  host: string
  port: number
  rack: string | null
}

interface CurrentLeader {
  leaderId: number
  leaderEpoch: number
}

/** Of one reply: who leads the partitions that were asked for in vain, as of one image. */
export class LeaderHints {
  readonly #image: MetadataImage
  readonly #listener: string
  readonly #leaders = new Set<number>()

  constructor(image: MetadataImage, listener: string) {
    this.#image = image
    this.#listener = listener
  }

  /** Undefined where the image has no such partition. */
  of(topicId: Uuid, index: number): CurrentLeader | undefined {
    const partition = partitionOf(this.#image, topicId, index)
    if (partition === undefined) return undefined
    const { leader: leaderId, leaderEpoch } = partition
    this.#leaders.add(leaderId)
    return { leaderId, leaderEpoch }
  }

  /** Of the leaders that were told, the addresses of those that are alive and have the client's listener. */
  get endpoints(): NodeEndpoint[] {
    return [...this.#leaders].flatMap((nodeId) => {
      const broker = this.#image.brokers.get(nodeId)
      const endpoint = broker?.fenced === false && endpointOf(broker, this.#listener)
      return endpoint ? [{ nodeId, host: endpoint.host, port: endpoint.port, rack: broker.rack }] : []
    })
  }
}
