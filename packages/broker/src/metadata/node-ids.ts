/**
 * Ids for brokers that were given none: each new one of a cluster takes the next that nobody has had. The claim is the
 * broker's registration itself, without listeners and fenced, so that two that start at once never get the same.
 *
 * Crash rule: the broker writes its id into its log directories once it is registered. One that dies between has left a
 * registration without a broker behind, which UnregisterBroker removes, and takes another id.
 */
import type { Random } from '@ottla/base/random.ts'
import { imageOf } from './changes.ts'
import { brokerKey, encodeBroker } from './documents.ts'
import type { MetadataImage } from './image.ts'
import { newUuid } from './new-uuid.ts'
import { type MetadataStore, StoreUnavailable } from './store.ts'

/** Rounds against other new brokers that claim at the same moment, one of whom wins each. */
const CLAIMS_MAX = 100

/** Rejects with StoreUnavailable. */
export async function claimNodeId({ store, random }: { store: MetadataStore; random: Random }): Promise<number> {
  const incarnation = newUuid(random)
  const claim = { incarnation, rack: null, listeners: [], fenced: true, epoch: null, directories: [], lostData: false }
  for (let round = 0; round < CLAIMS_MAX; round++) {
    const image = imageOf(await store.read(''))
    const ours = [...image.brokers.values()].find((broker) => broker.incarnation === incarnation)
    // A claim whose outcome was not known has come through.
    if (ours !== undefined) return ours.id
    const id = nextNodeId(image)
    const key = brokerKey(id)
    const puts = [{ key, value: encodeBroker(claim) }]
    const outcome = await store.commit({ ifRevision: [{ key, revision: 0 }], puts, deletes: [] })
    if (outcome.type === 'committed') return id
  }
  throw new StoreUnavailable('Cannot claim an id for this broker: others claim all the time; give it one with node.id')
}

/** Beyond those who are registered, and those who were when they got replicas; from 1 on. */
export function nextNodeId(image: MetadataImage): number {
  let highest = 0
  for (const id of image.brokers.keys()) highest = Math.max(highest, id)
  for (const { partitions } of image.topicsById.values()) {
    for (const { replicas } of partitions) highest = Math.max(highest, ...replicas)
  }
  return highest + 1
}
