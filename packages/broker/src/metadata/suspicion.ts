/**
 * What a broker does that finds another's address refused: it ends the other's sign of life, and its term as controller,
 * so that leaders are elected at once instead of at the end of a session. Each compares on what was seen, so that a new
 * incarnation is never meant; who was wrongly suspected gives its sign again and has lost its leaderships, no data. Told
 * once: where the store does not say what became of it, the session's end does the same, only later.
 */
import type { Logger } from '@ottla/base/logger.ts'
import { aliveKey, CONTROLLER_KEY } from './documents.ts'
import type { MetadataFollower } from './follower.ts'
import type { MetadataImage } from './image.ts'
import type { ChangeSet, MetadataStore } from './store.ts'

export interface SuspicionOptions {
  readonly store: Pick<MetadataStore, 'commit'>
  readonly follower: MetadataFollower
  readonly logger: Logger
}

export async function revokeSignOfLife({ store, follower, logger }: SuspicionOptions, brokerId: number): Promise<void> {
  const sign = follower.image.alive.get(brokerId)
  if (sign === undefined) return
  logger.warn('A broker refuses connections: its sign of life is revoked', { brokerId })
  await store.commit(signOfLifeEnds(follower.image, brokerId, sign.revision))
}

/** Exactly this sign ends, and with it the term of a controller. */
export function signOfLifeEnds(image: MetadataImage, brokerId: number, revision: number): ChangeSet {
  const isController = image.controllerId === brokerId
  return {
    ifRevision: [
      { key: aliveKey(brokerId), revision },
      ...(isController ? [{ key: CONTROLLER_KEY, revision: image.controllerEpoch }] : []),
    ],
    puts: [],
    deletes: [aliveKey(brokerId), ...(isController ? [CONTROLLER_KEY] : [])],
  }
}
