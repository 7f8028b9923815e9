/**
 * Owns this broker's place in the cluster: its registration, the sign of life that it keeps giving, and how it leaves.
 *
 * A broker writes both itself, so it needs no controller to come. The controller sees them and acts: it unfences who
 * gives a sign, fences who does not, and moves leaders away from who is leaving (liveness-plans.ts).
 *
 * A store that is away ends no broker: the sign of life ends there in its time, and is given again once the store is back.
 */
import { aborted, deferred } from '@ottla/base/deferred.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { planRegisterBroker } from './broker-plans.ts'
import type { RegisterBroker } from './controller-client.ts'
import { aliveKey, brokerKey, encodeAlive, encodeBroker } from './documents.ts'
import type { MetadataFollower } from './follower.ts'
import { type BrokerRegistration, isEligible, type MetadataImage, type Uuid } from './image.ts'
import type { CommitOutcome, CommitRequest, Lease, MetadataStore, Snapshot } from './store.ts'
import { type AskingOptions, untilAnswered } from './until-answered.ts'

export interface RegistrationOptions {
  readonly store: MetadataStore
  readonly follower: MetadataFollower
  readonly timers: Timers
  readonly logger: Logger
  readonly broker: RegisterBroker
  /** `broker.session.timeout.ms`: how long nobody needs to have heard of a broker that lives. */
  readonly sessionMs: number
  readonly newClusterId: () => Uuid
  /** The session ended a moment ago (LAPSE_MS), and there is none yet: others may have taken over. */
  readonly onLapse: () => void
  /** The sign of life can be given no more: the store failed. */
  readonly onFailure: (error: unknown) => void
}

/**
 * Our session ends here before it ends in the store, and then others have to be elected. Who was sent away before that
 * would find nobody else, and many clients come back less and less often.
 */
const LAPSE_MS = 1_500

/** Another process is this broker already; the message says what to do. */
export class DuplicateBrokerError extends Error {
  override readonly name = 'DuplicateBrokerError'
}

export class Registration implements AsyncDisposable {
  readonly epoch: number
  readonly #options: RegistrationOptions
  readonly #stop = new AbortController()
  #lease: Lease | null = null
  #isStopping = false
  #hasLapsed = false
  #signalling: Promise<void> = Promise.resolve()

  private constructor(options: RegistrationOptions, epoch: number) {
    this.#options = options
    this.epoch = epoch
  }

  /** Resolves once this broker's own image shows the registration. Rejects with DuplicateBrokerError. */
  static async register(options: RegistrationOptions): Promise<Registration> {
    const { follower, broker, newClusterId } = options
    for (;;) {
      await untilNobodyElse(options)
      const plan = planRegisterBroker(follower.image, broker, { newClusterId })
      const outcome = await settled({ ...options, signal: new AbortController().signal }, plan)
      const registered = registrationOf(follower.image, broker)
      if (registered !== null) return new Registration(options, registered.epoch)
      if (outcome.type === 'committed') throw duplicate(broker.id)
    }
  }

  /** Whether the cluster can have heard of this process within the session: who leads acts only then. */
  get isHeard(): boolean {
    return this.#lease?.isLive() === true
  }

  /** Whether the session ended long enough ago for another broker to have been elected. */
  get mayBeReplaced(): boolean {
    return this.#hasLapsed && !this.isHeard
  }

  /** Of the sign of life; null before the first, and possibly one that has ended. */
  get lease(): Lease | null {
    return this.#lease
  }

  /** Gives the sign of life from now on; resolves when the controller has unfenced this broker. */
  async serve(): Promise<void> {
    await this.#signal()
    this.#signalling = this.#keepSignalling()
    const { follower, broker } = this.#options
    await follower.until((image) => registrationOf(image, broker)?.fenced === false)
  }

  /**
   * Leaves in order: leaderships move to others first, as far as there are any who can lead, for `timeoutMs` at most.
   * The sign of life ends with `dispose`.
   */
  async leave(timeoutMs: number): Promise<void> {
    const { follower, timers, broker } = this.#options
    this.#isStopping = true
    if (this.#lease === null || !leadsForOthers(follower.image, broker.id)) return
    const enough = deferred<void>()
    const timer = timers.after(timeoutMs, enough.resolve)
    const moved = this.#untilMoved().catch(() => undefined)
    this.#signalling = Promise.all([this.#signalling, moved]).then(() => undefined)
    await Promise.race([moved, enough.promise])
    timer.cancel()
  }

  async #untilMoved(): Promise<void> {
    const { follower, broker } = this.#options
    await this.#signal()
    await follower.until((image) => !leadsForOthers(image, broker.id), { signal: this.#stop.signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    // What is under way could give one more sign after the goodbye.
    await this.#signalling
    if (this.#isStopping && this.#lease !== null) await this.#sayGoodbye()
    await this.#lease?.release()
  }

  /** Fenced from now on: nobody needs to find out. Where that fails, they do. */
  async #sayGoodbye(): Promise<void> {
    const { store, follower, broker } = this.#options
    const registered = registrationOf(follower.image, broker)
    const sign = follower.image.alive.get(broker.id)
    if (registered === null || registered.fenced || sign?.incarnation !== broker.incarnation) return
    await store.commit({
      ifRevision: [
        { key: brokerKey(broker.id), revision: registered.revision },
        { key: aliveKey(broker.id), revision: sign.revision },
      ],
      puts: [{ key: brokerKey(broker.id), value: encodeBroker({ ...registered, fenced: true }) }],
      deletes: [aliveKey(broker.id)],
    })
  }

  /** Takes a new lease each time that the last one was lost: the controller then unfences us again. */
  async #keepSignalling(): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) {
        const round = new AbortController()
        await aborted(AbortSignal.any([this.#lease!.lost, this.#stop.signal, this.#revoked(round.signal)]))
        round.abort()
        if (this.#stop.signal.aborted) return
        const lapse = this.#options.timers.after(LAPSE_MS, () => this.#lapse())
        this.#options.logger.warn('The cluster has not heard of this broker in time: it comes back', {
          brokerId: this.#options.broker.id,
        })
        await this.#signal()
        lapse.cancel()
        this.#hasLapsed = false
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.onFailure(error)
    }
  }

  #lapse(): void {
    if (this.isHeard || this.#stop.signal.aborted) return
    this.#hasLapsed = true
    this.#options.onLapse()
  }

  /** Aborts when the sign of life is gone though its lease lives: somebody took this broker for dead. */
  #revoked(signal: AbortSignal): AbortSignal {
    const revoked = new AbortController()
    const { follower, broker } = this.#options
    follower
      .until((image) => !image.alive.has(broker.id), { signal })
      .then(
        () => revoked.abort(),
        () => undefined,
      )
    return revoked.signal
  }

  /** One sign, on the lease that we hold or a new one. */
  async #signal(): Promise<void> {
    const { follower, broker } = this.#options
    const key = aliveKey(broker.id)
    while (!this.#stop.signal.aborted) {
      const lease = await this.#liveLease()
      await untilNobodyElse(this.#options)
      const before = follower.image.alive.get(broker.id)
      const value = encodeAlive({ incarnation: broker.incarnation, stopping: this.#isStopping })
      const ifRevision = [{ key, revision: before?.revision ?? 0 }]
      const request = { ifRevision, puts: [{ key, value }], deletes: [], lease }
      const outcome = await settled({ ...this.#options, signal: this.#stop.signal }, request)
      if (outcome.type === 'committed') return
    }
  }

  async #liveLease(): Promise<Lease> {
    if (this.#lease?.isLive() === true) return this.#lease
    const { store, sessionMs } = this.#options
    this.#lease = await untilAnswered(() => store.lease(sessionMs), { ...this.#options, signal: this.#stop.signal })
    return this.#lease
  }
}

/** A commit, and an image that shows what became of it, also where the outcome is unknown. */
async function settled(
  options: Pick<RegistrationOptions, 'store' | 'follower'> & AskingOptions,
  request: CommitRequest,
): Promise<CommitOutcome> {
  const { store, follower, signal } = options
  const outcome = await store.commit(request)
  const newest = (): Promise<Snapshot> => store.read('brokers/', { signal })
  const { revision } = outcome.type === 'committed' ? outcome : await untilAnswered(newest, options)
  await follower.reached(revision, { signal })
  return outcome
}

/** A process that has died gives its sign for a session more; one that lives goes on. */
async function untilNobodyElse({ follower, timers, broker, sessionMs, logger }: RegistrationOptions): Promise<void> {
  const isFree = (image: MetadataImage): boolean => {
    const alive = image.alive.get(broker.id)
    return alive === undefined || alive.incarnation === broker.incarnation
  }
  if (isFree(follower.image)) return
  logger.info('Another process was this broker a moment ago: waiting for its session to end', { brokerId: broker.id })
  const enough = deferred<void>()
  const timer = timers.after(sessionMs * 2, () => enough.reject(duplicate(broker.id)))
  try {
    await Promise.race([follower.until(isFree), enough.promise])
  } finally {
    timer.cancel()
  }
}

function registrationOf(image: MetadataImage, broker: RegisterBroker): BrokerRegistration | null {
  const found = image.brokers.get(broker.id)
  return found?.incarnation === broker.incarnation ? found : null
}

/** Whether the broker leads a partition that another one could lead. */
function leadsForOthers(image: MetadataImage, brokerId: number): boolean {
  for (const topic of image.topicsById.values()) {
    for (const { leader, isr } of topic.partitions) {
      if (leader === brokerId && isr.some((id) => id !== brokerId && isEligible(image, id))) return true
    }
  }
  return false
}

function duplicate(id: number): DuplicateBrokerError {
  return new DuplicateBrokerError(
    `Cannot be broker ${id}: another process is. Stop that one first, or give this one an id of its own with node.id.`,
  )
}
