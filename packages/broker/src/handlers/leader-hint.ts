/** Where the leaders of partitions are that a client looked for on the wrong broker (KIP-951). */
import { endpointOf, type MetadataImage } from '../metadata/image.ts'

interface NodeEndpoint {
  nodeId: number
  host: string
  port: number
  rack: string | null
}

/** The addresses of those leaders that are alive and have the client's listener. */
export function leaderEndpoints(image: MetadataImage, leaders: Iterable<number>, listener: string): NodeEndpoint[] {
  const endpoints: NodeEndpoint[] = []
  for (const id of leaders) {
    const broker = image.brokers.get(id)
    const endpoint = broker && endpointOf(broker, listener)
    if (endpoint) endpoints.push({ nodeId: id, host: endpoint.host, port: endpoint.port, rack: broker.rack })
  }
  return endpoints
}
