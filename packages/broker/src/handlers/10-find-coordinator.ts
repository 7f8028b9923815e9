/**
 * FindCoordinator (10): where groups, transactional ids and share partitions are coordinated. Any broker knows: it is the
 * leader of the partition to which the key belongs. Kafka answers COORDINATOR_NOT_AVAILABLE while the internal topic is
 * being made; here the answer waits for it.
 *
 * There are no coordinators of transactions and of share groups yet: their keys are answered COORDINATOR_NOT_AVAILABLE,
 * which clients retry.
 */
import type { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode, errorMessage } from '@ottla/protocol/errors.ts'
import { endpointOf, type MetadataImage, type PartitionImage } from '../metadata/image.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'
import { leaderState } from './topic-partitions.ts'

type Request = RequestOf<typeof FindCoordinator>
type Response = ResponseInputOf<typeof FindCoordinator>

const GROUP = 0
const TRANSACTION = 1
const SHARE = 2
/** From these versions on: many keys in one request; share groups. */
const BATCHES_FROM = 4
const SHARE_FROM = 6
/** `group:topicUuid:partition` */
const SHARE_KEY = /^.+:[A-Za-z0-9_-]{22}:\d+$/

interface Found {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly error: ErrorName
}

export function findCoordinator(parts: Pick<BrokerParts, 'groups' | 'image'>): Handler<Request, Response> {
  return (context, request) => {
    const keys = context.apiVersion < BATCHES_FROM ? [request.key] : request.coordinatorKeys
    const found = keys.map((key) => find(parts, context, { keyType: request.keyType, key }))
    return inOrder(Promise.all(found).then((places) => shaped(context, keys, places)))
  }
}

/** A success has Kafka's text for one key, and none in a batch. */
function shaped({ apiVersion }: RequestContext, keys: readonly string[], places: readonly Found[]): Response {
  if (apiVersion < BATCHES_FROM) {
    const [{ error, ...place }] = places as [Found]
    const message = error === 'NONE' ? 'NONE' : errorMessage(error)
    return { ...place, errorCode: errorCode(error), errorMessage: message }
  }
  const coordinators = places.map(({ error, ...place }, i) => ({
    ...{ key: keys[i]!, ...place, errorCode: errorCode(error) },
    errorMessage: error === 'NONE' ? '' : errorMessage(error),
  }))
  return { coordinators }
}

async function find(
  parts: Pick<BrokerParts, 'groups' | 'image'>,
  context: RequestContext,
  { keyType, key }: { keyType: number; key: string },
): Promise<Found> {
  const error = refusal(context, keyType, key)
  if (error !== null) return nowhere(error)
  if (keyType !== GROUP) return nowhere('COORDINATOR_NOT_AVAILABLE')
  const partition = await parts.groups.partitionOf(key)
  return placeOf(parts.image(), partition, context.listener)
}

function refusal(context: RequestContext, keyType: number, key: string): ErrorName | null {
  switch (keyType) {
    case GROUP:
      return context.authorize('describe', 'group', key) ? null : 'GROUP_AUTHORIZATION_FAILED'
    case TRANSACTION:
      return context.authorize('describe', 'transactionalId', key) ? null : 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
    case SHARE:
      if (context.apiVersion < SHARE_FROM || !SHARE_KEY.test(key)) return 'INVALID_REQUEST'
      return context.authorize('clusterAction', 'cluster', CLUSTER_RESOURCE_NAME)
        ? null
        : 'CLUSTER_AUTHORIZATION_FAILED'
    default:
      return 'INVALID_REQUEST'
  }
}

/** The leader's address on the client's listener. */
function placeOf(image: MetadataImage, partition: PartitionImage | undefined, listener: string): Found {
  if (partition === undefined || leaderState(image, partition, listener) !== 'reachable') {
    return nowhere('COORDINATOR_NOT_AVAILABLE')
  }
  const { host, port } = endpointOf(image.brokers.get(partition.leader)!, listener)!
  return { nodeId: partition.leader, host, port, error: 'NONE' }
}

function nowhere(error: ErrorName): Found {
  return { nodeId: -1, host: '', port: -1, error }
}
