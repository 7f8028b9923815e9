/**
 * What brokers do about one that lives, as far as the store knows, and does not answer those that follow it: its link to
 * them is cut, and nothing it leads can be replicated. Each of its followers writes down that it hears nothing; where
 * more than half of them do, and at least two, they end its sign of life together, so that others are elected.
 *
 * One follower alone proves nothing, since it may be the one that is cut off. Who was voted out gives its sign again at
 * once and comes back without its leaderships; the reports are used up by the commit that acted on them. A report goes
 * with its writer's own lease, so the dead have no vote.
 */
import type { Logger } from '@ottla/base/logger.ts'
import { encodeSilent, silentKey } from './documents.ts'
import type { MetadataFollower } from './follower.ts'
import { isEligible, type MetadataImage } from './image.ts'
import type { CommitOutcome, CommitRequest, Lease, MetadataStore } from './store.ts'
import { signOfLifeEnds } from './suspicion.ts'

/** One is not enough: of two brokers that do not hear each other nobody knows which one is cut off. */
const VOTES_MIN = 2

export interface SilenceReportsOptions {
  readonly brokerId: number
  readonly store: Pick<MetadataStore, 'commit'>
  readonly follower: Pick<MetadataFollower, 'image'>
  readonly logger: Logger
  /** Of this broker's own sign of life; null before the first. */
  readonly lease: () => Lease | null
}

export class SilenceReports {
  readonly #options: SilenceReportsOptions
  /** The sign of life that was voted on last, by broker: one vote each. */
  readonly #heeded = new Map<number, number>()

  constructor(options: SilenceReportsOptions) {
    this.#options = options
  }

  /** This broker hears nothing from one that it follows. Said as often as one likes. */
  tell(leaderId: number): void {
    const { brokerId, follower } = this.#options
    const { image } = follower
    const lease = this.#options.lease()
    const sign = image.alive.get(leaderId)
    if (sign === undefined || lease?.isLive() !== true) return
    const key = silentKey(leaderId, brokerId)
    if (image.silent.get(key)?.sign === sign.revision) return
    this.#commit(leaderId, { ifRevision: [], puts: [{ key, value: encodeSilent(sign.revision) }], deletes: [], lease })
  }

  /** It answers, or is not followed any more. */
  retract(leaderId: number): void {
    const key = silentKey(leaderId, this.#options.brokerId)
    if (this.#options.follower.image.silent.has(key)) {
      this.#commit(leaderId, { ifRevision: [], puts: [], deletes: [key] })
    }
  }

  /** Acts on what is written down in a new image, if this broker has written some of it. */
  heed(image: MetadataImage): void {
    if (image.silent.size === 0) return
    for (const [leaderId, sign] of image.alive) {
      if (!image.silent.has(silentKey(leaderId, this.#options.brokerId))) continue
      if (this.#heeded.get(leaderId) === sign.revision) continue
      const ends = planSilence(image, leaderId)
      if (ends === null) continue
      this.#heeded.set(leaderId, sign.revision)
      this.#options.logger.warn('A broker does not answer those that follow it: its sign of life is revoked', {
        brokerId: leaderId,
      })
      // Who answered at the same moment has taken a vote back: what is left is counted with the next image.
      this.#commit(leaderId, ends, () => this.#heeded.delete(leaderId))
    }
  }

  /** Whatever becomes of it: the next look says the same again if it still is so. */
  #commit(leaderId: number, request: CommitRequest, onRefused = () => {}): void {
    const { store, logger } = this.#options
    const settled = (outcome: CommitOutcome): void => {
      if (outcome.type !== 'committed') onRefused()
    }
    store.commit(request).then(settled, (error: unknown) => {
      onRefused()
      logger.warn('Cannot write down that a broker does not answer', { brokerId: leaderId, error })
    })
  }
}

/** What ends the sign of life of a broker that enough of its followers do not hear; null where they do not say so. */
export function planSilence(image: MetadataImage, leaderId: number): CommitRequest | null {
  const sign = image.alive.get(leaderId)
  if (sign === undefined) return null
  const followers = followersOf(image, leaderId)
  const votes = [...followers].flatMap((id) => {
    const key = silentKey(leaderId, id)
    const report = image.silent.get(key)
    return report?.sign === sign.revision ? [{ key, revision: report.revision }] : []
  })
  if (votes.length < VOTES_MIN || votes.length * 2 <= followers.size) return null
  const ends = signOfLifeEnds(image, leaderId, sign.revision)
  return {
    ...ends,
    ifRevision: [...ends.ifRevision, ...votes],
    deletes: [...ends.deletes, ...votes.map(({ key }) => key)],
  }
}

/**
 * Brokers that live and are in sync with something that this one leads. Others cannot lead in its place: where nobody is in
 * sync any more, another vote would bring no more than another interruption.
 */
function followersOf(image: MetadataImage, leaderId: number): ReadonlySet<number> {
  const followers = new Set<number>()
  for (const { partitions } of image.topicsById.values()) {
    for (const { leader, isr } of partitions) if (leader === leaderId) for (const id of isr) followers.add(id)
  }
  followers.delete(leaderId)
  for (const id of followers) if (!isEligible(image, id)) followers.delete(id)
  return followers
}
