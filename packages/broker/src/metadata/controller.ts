/**
 * The one writer of the cluster's metadata: topics, partitions, settings, registrations, producer ids. Several brokers
 * may run one against the same store; the one whose lease holds the `controller` document acts, the others answer
 * NOT_CONTROLLER and wait for the document to vanish (ARCHITECTURE.md, decision 7).
 *
 * One operation at a time: plan (pure) on the newest image, commit, wait until the image shows it, answer. Each commit
 * compares the revision at which this controller was elected, and each document that it replaces; so neither a deposed
 * controller nor a delayed write of our own can undo what came later.
 */
import { assert } from '@ottla/base/assert.ts'
import { deferred } from '@ottla/base/deferred.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Random } from '@ottla/base/random.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { BrokerConfig } from '../config.ts'
import { planProducerIds, planRegisterBroker } from './broker-plans.ts'
import { planAlterConfig } from './config-plans.ts'
import type {
  AlterConfig,
  CreatedTopic,
  CreatePartitions,
  CreateTopic,
  MutationOptions,
  Outcome,
  ProducerIdBlock,
  RegisterBroker,
} from './controller-client.ts'
import { CONTROLLER_KEY, encodeController } from './documents.ts'
import type { MetadataFollower } from './follower.ts'
import { type BrokerRegistration, type MetadataImage, NO_CONTROLLER, type Uuid, ZERO_UUID } from './image.ts'
import { type Plan, pack } from './plan.ts'
import type { ChangeSet, CommitOutcome, Lease, MetadataStore } from './store.ts'
import {
  type PlanningContext,
  planCreatePartitions,
  planCreateTopics,
  planDeleteTopic,
  planRemoveGarbage,
} from './topic-plans.ts'

export interface ControllerOptions {
  readonly store: MetadataStore
  readonly follower: MetadataFollower
  readonly brokerId: number
  /** With the dynamic changes of the newest image. */
  readonly config: () => BrokerConfig
  readonly random: Random
  readonly logger: Logger
  /** Elections cannot go on: the store failed. */
  readonly onFailure: (error: unknown) => void
}

const OPERATIONS_WAITING_MAX = 1000
/** How long the store may hear nothing of this process before another one may be elected (broker.session.timeout.ms). */
const LEASE_TTL_MS = 9000
const CONFLICT: CommitOutcome = { type: 'conflict' }

export class Controller implements AsyncDisposable {
  readonly #options: ControllerOptions
  readonly #stop = new AbortController()
  /** The revision at which we were elected; null while we are not the controller. */
  #epoch: number | null = null
  #elected = deferred<void>()
  #lastOperation: Promise<unknown> = Promise.resolve()
  #operationsWaiting = 0
  /** A commit may have happened, or may yet: find out before the next one. */
  #isUncertain = false
  #campaigning: Promise<void>

  constructor(options: ControllerOptions) {
    this.#options = options
    this.#campaigning = this.#campaign()
  }

  get isActive(): boolean {
    return this.#epoch !== null
  }

  /** Resolves when this broker is the controller for the first time, or again. */
  elected(): Promise<void> {
    return this.#elected.promise
  }

  createTopics(commands: readonly CreateTopic[], options: MutationOptions): Promise<Outcome<CreatedTopic>[]> {
    return this.#operate(commands, (image) => planCreateTopics(image, commands, this.#planning()), options)
  }

  deleteTopics(ids: readonly Uuid[]): Promise<Outcome<null>[]> {
    return this.#operate(ids, (image) => ids.map((id) => planDeleteTopic(image, id)))
  }

  createPartitions(commands: readonly CreatePartitions[], options: MutationOptions): Promise<Outcome<null>[]> {
    const planning = this.#planning()
    return this.#operate(
      commands,
      (image) => commands.map((one) => planCreatePartitions(image, one, planning)),
      options,
    )
  }

  alterConfigs(commands: readonly AlterConfig[], options: MutationOptions): Promise<Outcome<null>[]> {
    const config = this.#options.config
    return this.#operate(commands, (image) => commands.map((one) => planAlterConfig(image, one, config())), options)
  }

  async allocateProducerIds(): Promise<Outcome<ProducerIdBlock>> {
    const [outcome] = await this.#operate([null], (image) => [planProducerIds(image)])
    return outcome!
  }

  /** Answers with what the image then shows; its epoch is that of this incarnation. */
  async registerBroker(command: RegisterBroker): Promise<Outcome<BrokerRegistration>> {
    const newClusterId = () => this.#newId()
    const [outcome] = await this.#operate([command], (image) => [planRegisterBroker(image, command, { newClusterId })])
    if (outcome instanceof ProtocolError) return outcome
    const registration = this.#options.follower.image.brokers.get(command.id)
    assert(registration?.incarnation === command.incarnation, `Broker ${command.id} is in the image once it registered`)
    return registration
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#campaigning
    await this.#lastOperation
  }

  /** Outcomes in the order of `commands`; `plan` is made when its turn has come. */
  async #operate<Success>(
    commands: readonly unknown[],
    plan: (image: MetadataImage) => (Plan<Success> | ProtocolError)[],
    { validateOnly }: MutationOptions = { validateOnly: false },
  ): Promise<Outcome<Success>[]> {
    if (this.#operationsWaiting >= OPERATIONS_WAITING_MAX) return commands.map(() => timedOut())
    return this.#inTurn(async () => {
      if (this.#isUncertain) await this.#settle()
      if (this.#epoch === null) return commands.map(() => notController())
      const plans = plan(this.#options.follower.image)
      assert(plans.length === commands.length, 'Each command has a plan or an error')
      return validateOnly ? plans.map(successOf) : this.#commitPlans(plans)
    })
  }

  #inTurn<Result>(operation: () => Promise<Result>): Promise<Result> {
    this.#operationsWaiting += 1
    const result = this.#lastOperation.then(operation).finally(() => {
      this.#operationsWaiting -= 1
    })
    // The next operation starts whatever became of this one, whose caller is told by `result`.
    this.#lastOperation = result.catch(() => undefined)
    return result
  }

  async #commitPlans<Success>(plans: readonly (Plan<Success> | ProtocolError)[]): Promise<Outcome<Success>[]> {
    const outcomes = plans.map(successOf)
    const waiting = new Set<number>()
    const commits = pack(plans.map((plan) => (plan instanceof ProtocolError ? [] : plan.sets)))
    for (const { finishes } of commits) for (const i of finishes) waiting.add(i)
    for (const { set, finishes } of commits) {
      const outcome = this.#epoch === null ? CONFLICT : await this.#commit(set, this.#epoch)
      if (outcome.type !== 'committed') {
        for (const i of waiting) outcomes[i] = outcome.type === 'unknown' ? timedOut() : notController()
        return outcomes
      }
      for (const i of finishes) waiting.delete(i)
    }
    return outcomes
  }

  /** Resolves once the image shows what was committed. */
  async #commit(set: ChangeSet, epoch: number): Promise<CommitOutcome> {
    const { store, follower } = this.#options
    const ifRevision = [{ key: CONTROLLER_KEY, revision: epoch }, ...set.ifRevision]
    const outcome = await store.commit({ ...set, ifRevision })
    if (outcome.type === 'committed') await follower.reached(outcome.revision)
    // After a conflict the image may be behind; after an unknown outcome so may everybody be.
    else this.#isUncertain = true
    return outcome
  }

  /** Brings the image to what the store holds now. */
  async #settle(): Promise<void> {
    const { store, follower } = this.#options
    const { revision } = await store.read(CONTROLLER_KEY)
    await follower.reached(revision)
    this.#isUncertain = false
  }

  async #campaign(): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) await this.#standOnce()
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.onFailure(error)
    }
  }

  /** One term of office, or one wait for the end of another's. */
  async #standOnce(): Promise<void> {
    const { store, brokerId } = this.#options
    const lease = await store.lease(LEASE_TTL_MS)
    try {
      const outcome = await store.commit({
        ifRevision: [{ key: CONTROLLER_KEY, revision: 0 }],
        puts: [{ key: CONTROLLER_KEY, value: encodeController(brokerId) }],
        deletes: [],
        lease,
      })
      if (outcome.type === 'committed') await this.#serve(outcome.revision, lease)
      if (outcome.type === 'conflict') await this.#waitForVacancy()
    } finally {
      await lease.release()
    }
  }

  async #serve(epoch: number, lease: Lease): Promise<void> {
    const { follower, logger } = this.#options
    await follower.reached(epoch)
    // Before the first operation: what it writes in several commits must not be taken for garbage.
    for (const set of planRemoveGarbage(follower.image)) await this.#commit(set, epoch)
    this.#epoch = epoch
    this.#elected.resolve()
    logger.debug('Elected controller', { controllerEpoch: epoch })
    await aborted(AbortSignal.any([lease.lost, this.#stop.signal]))
    this.#epoch = null
    this.#elected = deferred()
    logger.debug('No longer controller', { controllerEpoch: epoch })
  }

  async #waitForVacancy(): Promise<void> {
    // Without the newest image the vacancy that we see may be the one before the other's election.
    await this.#settle()
    const vacant = this.#options.follower.until((image) => image.controllerId === NO_CONTROLLER)
    // A follower that closes ends the wait as a vacancy would; the next round then finds the store closed.
    await Promise.race([vacant.catch(() => undefined), aborted(this.#stop.signal)])
  }

  #planning(): PlanningContext {
    const { config, random } = this.#options
    return { config: config(), newTopicId: () => this.#newId(), random: (below) => random.below(below) }
  }

  /** As Kafka's: never the zero id, never with a '-' in front, which command lines would take for an option. */
  #newId(): Uuid {
    for (;;) {
      const id = this.#options.random.bytes(16).toString('base64url')
      if (id !== ZERO_UUID && !id.startsWith('-')) return id
    }
  }
}

function successOf<Success>(plan: Plan<Success> | ProtocolError): Outcome<Success> {
  return plan instanceof ProtocolError ? plan : plan.success
}

function timedOut(): ProtocolError {
  return new ProtocolError('REQUEST_TIMED_OUT')
}

function notController(): ProtocolError {
  return new ProtocolError('NOT_CONTROLLER')
}

function aborted(signal: AbortSignal): Promise<void> {
  const done = deferred<void>()
  if (signal.aborted) done.resolve()
  else signal.addEventListener('abort', () => done.resolve(), { once: true })
  return done.promise
}
