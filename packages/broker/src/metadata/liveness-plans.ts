/**
 * What the controller does when brokers come, go and stop: fencing, unfencing, and the partitions that follow. Pure.
 *
 * Everything is read off the image, nothing is remembered: a controller that takes over in the middle finds the same
 * step to do next. The order makes each prefix of the commits harmless: who goes is fenced first and loses its places
 * then, who comes gets its partitions back first and is unfenced last.
 */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { BrokerConfig } from '../config.ts'
import { aliveKey, brokerKey, encodeBroker, supportsKey } from './documents.ts'
import { changePartition, elrOf } from './elections.ts'
import {
  type BrokerRegistration,
  isEligible,
  isReassigned,
  type MetadataImage,
  NO_LEADER,
  type PartitionImage,
  type Uuid,
} from './image.ts'
import { wantedReplicas } from './internal-topics.ts'
import { editPartitions, electionRules, type PartitionEdit } from './partition-sets.ts'
import type { Plan } from './plan.ts'
import type { ChangeSet } from './store.ts'

/** Partitions that a refusal names. */
const NAMED_MAX = 3

export interface Housekeeping {
  readonly config: BrokerConfig
  /**
   * Whether brokers without a sign of life count as gone. A controller just elected waits for one session time-out: the
   * whole cluster may have been restarted with it.
   */
  readonly missesTheAbsent: boolean
  /** Of each broker, the incarnation whose sign of life this process has seen: without it, it has gone. */
  readonly seenAlive: ReadonlyMap<number, Uuid>
}

/** What to commit next, in order; nothing when all is as it should be. */
export function planLiveness(image: MetadataImage, housekeeping: Housekeeping): ChangeSet[] {
  for (const broker of image.brokers.values()) {
    if (!broker.fenced && isGone(image, broker, housekeeping)) return [fencing(broker, true)]
  }
  const inOrder = editPartitions(image, edit(image, housekeeping))
  // Before anybody returns: whose data is gone must have lost its places by then.
  if (inOrder.length > 0) return inOrder
  for (const broker of image.brokers.values()) {
    if (broker.fenced && isReady(image, broker)) return planReturn(image, broker, housekeeping)
  }
  return planInternalReplicas(image, housekeeping)
}

/**
 * A broker that is gone for good (UnregisterBroker): it has no part in anything any more. Refused while it lives, since it
 * would come back at once, and while it alone has what was acknowledged: a broker that registers under its id later would
 * be taken for the one that has it, whatever is on its disk.
 */
export function planUnregisterBroker(
  image: MetadataImage,
  brokerId: number,
  config: BrokerConfig,
): Plan<null> | ProtocolError {
  const broker = image.brokers.get(brokerId)
  if (broker === undefined) {
    return new ProtocolError('BROKER_ID_NOT_REGISTERED', `Broker ID ${brokerId} is not currently registered`)
  }
  if (!broker.fenced || image.alive.has(brokerId)) {
    return new ProtocolError('INVALID_REQUEST', `Cannot unregister broker ${brokerId}: it lives. Stop it first.`)
  }
  const rulesOf = electionRules(image, config)
  const lastOf: string[] = []
  const sets = editPartitions(image, (partition, topic) => {
    if (!partition.isr.includes(brokerId) && !elrOf(partition).includes(brokerId)) return partition
    const next = changePartition(partition, { lost: [brokerId] }, rulesOf(topic))
    if (next.isr.includes(brokerId) || next.isr.length + elrOf(next).length === 0) {
      lastOf.push(`${topic.name}-${partition.index}`)
    }
    return next
  })
  if (lastOf.length > 0) {
    const named = `${lastOf.slice(0, NAMED_MAX).join(', ')}${lastOf.length > NAMED_MAX ? ' and others' : ''}`
    return new ProtocolError(
      'INVALID_REQUEST',
      `Cannot unregister broker ${brokerId}: nobody else has all of ${named}. Start it again, or delete these topics.`,
    )
  }
  const ifRevision = [
    { key: brokerKey(brokerId), revision: broker.revision },
    { key: aliveKey(brokerId), revision: 0 },
  ]
  const removal = { ifRevision, puts: [], deletes: [brokerKey(brokerId), supportsKey(brokerId)] }
  return { sets: [...sets, removal], success: null }
}

/** Also one that was started anew before it was missed. */
function isGone(image: MetadataImage, broker: BrokerRegistration, housekeeping: Housekeeping): boolean {
  const alive = image.alive.get(broker.id)
  if (alive !== undefined) return alive.incarnation !== broker.incarnation
  return housekeeping.missesTheAbsent || housekeeping.seenAlive.get(broker.id) === broker.incarnation
}

function isReady(image: MetadataImage, broker: BrokerRegistration): boolean {
  const alive = image.alive.get(broker.id)
  return alive !== undefined && alive.incarnation === broker.incarnation && !alive.stopping
}

/**
 * A broker that comes back leads anew, in a new epoch, what nobody else could lead meanwhile: it may have lost what it
 * had not synced, and the same offsets must not mean two things in one epoch.
 */
function planReturn(image: MetadataImage, broker: BrokerRegistration, { config }: Housekeeping): ChangeSet[] {
  const eligible = (id: number): boolean => id === broker.id || isEligible(image, id)
  const rulesOf = electionRules(image, config, eligible)
  const renewed = editPartitions(image, (partition, topic) => {
    const isLeader = partition.leader === broker.id
    if (!isLeader && partition.leader !== NO_LEADER) return partition
    return changePartition(partition, isLeader ? { leader: 'renewed' } : {}, rulesOf(topic))
  })
  return [...renewed, fencing(broker, false)]
}

/**
 * Kafka's own topics were made with as many replicas as there were brokers: they get more as brokers join, until they
 * have what they would have got now. Whom it is given to comes into the in-sync set by following.
 */
function planInternalReplicas(image: MetadataImage, { config }: Housekeeping): ChangeSet[] {
  const brokers = [...image.brokers.keys()].filter((id) => isEligible(image, id)).toSorted((a, b) => a - b)
  const internal = [...image.topicsById.values()].filter(({ name }) => wantedReplicas(name, config, 1) !== null)
  return editPartitions(
    image,
    (partition, topic) => {
      const { replicas, index } = partition
      // Somebody is at work on it already.
      if (isReassigned(partition)) return partition
      const missing = wantedReplicas(topic.name, config, brokers.length)! - replicas.length
      if (missing <= 0) return partition
      const others = brokers.filter((id) => !replicas.includes(id))
      const added = others.map((_, i) => others[(index + i) % others.length]!).slice(0, missing)
      return { ...partition, replicas: [...replicas, ...added], partitionEpoch: partition.partitionEpoch + 1 }
    },
    internal.map(({ id }) => id),
  )
}

/** Nobody who may not is in sync or leads, and whoever can lead does. */
function edit(image: MetadataImage, { config, missesTheAbsent }: Housekeeping): PartitionEdit {
  const rulesOf = electionRules(image, config)
  const eligible = new Map<number, boolean>()
  for (const id of image.brokers.keys()) eligible.set(id, isEligible(image, id))
  const lost = [...image.brokers.values()].filter((broker) => broker.lostData).map((broker) => broker.id)
  const mayReturn = (id: number): boolean => {
    const broker = image.brokers.get(id)
    if (broker === undefined) return false
    return isReady(image, broker) || (!missesTheAbsent && !image.alive.has(id))
  }
  return (partition, topic) => {
    if (isInOrder(partition, eligible, lost)) return partition
    const isr = partition.isr.filter((id) => eligible.get(id) === true)
    // Nobody else has what the only replica had: to keep it from serving would bring nothing back.
    const gone = partition.replicas.length > 1 ? lost : []
    const next = changePartition(partition, { isr, lost: gone }, rulesOf(topic))
    // It has been registered a moment ago, and nobody else can lead: one change less when it is ready.
    const isKept = next.leader === NO_LEADER && mayReturn(partition.leader) && !lost.includes(partition.leader)
    return isKept ? without(partition, gone) : next
  }
}

/** The leader stays, but its partition forgets whose data is gone now: afterwards nobody knows it any more. */
function without(partition: PartitionImage, lost: readonly number[]): PartitionImage {
  const { elr: _, ...rest } = partition
  const isr = partition.isr.filter((id) => !lost.includes(id))
  const elr = elrOf(partition).filter((id) => !lost.includes(id))
  if (isr.length === partition.isr.length && elr.length === elrOf(partition).length) return partition
  const after = { ...rest, isr, partitionEpoch: partition.partitionEpoch + 1 }
  return elr.length === 0 ? after : { ...after, elr }
}

function isInOrder(
  { isr, elr = [], leader }: PartitionImage,
  eligible: ReadonlyMap<number, boolean>,
  lost: readonly number[],
): boolean {
  if (leader === NO_LEADER) return false
  for (const id of isr) if (eligible.get(id) !== true) return false
  return !elr.some((id) => lost.includes(id))
}

/** Compared on its revision: the broker may register anew at the same moment. */
function fencing(broker: BrokerRegistration, fenced: boolean): ChangeSet {
  const key = brokerKey(broker.id)
  const value = encodeBroker({ ...broker, fenced, lostData: fenced && broker.lostData })
  return { ifRevision: [{ key, revision: broker.revision }], puts: [{ key, value }], deletes: [] }
}
