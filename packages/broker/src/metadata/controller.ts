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
import { aborted, type Deferred, deferred } from '@ottla/base/deferred.ts'
import type { Logger } from '@ottla/base/logger.ts'
import type { Random } from '@ottla/base/random.ts'
import type { Timer, Timers } from '@ottla/base/timers.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { BrokerConfig } from '../config.ts'
import { planProducerIds } from './broker-plans.ts'
import { planAlterConfig } from './config-plans.ts'
import type {
  AlterConfig,
  CreatedTopic,
  CreatePartitions,
  CreateTopic,
  ElectedPartition,
  ElectLeaders,
  FeatureUpdate,
  MutationOptions,
  Outcome,
  ProducerIdBlock,
} from './controller-client.ts'
import { CONTROLLER_KEY, encodeController } from './documents.ts'
import { type FailedLogs, planFailedLogs } from './failed-log-plans.ts'
import { planUpdateFeatures } from './feature-plans.ts'
import type { SupportedFeature } from './features.ts'
import type { MetadataFollower } from './follower.ts'
import { type MetadataImage, NO_CONTROLLER, type Uuid } from './image.ts'
import { type AlteredPartition, type AlterPartitions, planAlterPartitions } from './isr-plans.ts'
import { planBalanceLeaders, planElectLeaders } from './leader-plans.ts'
import { planLiveness, planUnregisterBroker } from './liveness-plans.ts'
import { newUuid } from './new-uuid.ts'
import { type Plan, pack } from './plan.ts'
import {
  type AlteredReassignment,
  type AlterReassignments,
  planAlterReassignments,
  type RunningReassignment,
  runningReassignments,
} from './reassignment-plans.ts'
import {
  type ChangeSet,
  type CommitOutcome,
  HISTORY_REVISIONS_MAX,
  type Lease,
  type MetadataStore,
  StoreUnavailable,
} from './store.ts'
import {
  type PlanningContext,
  planCreatePartitions,
  planCreateTopics,
  planDeleteTopic,
  planRemoveGarbage,
} from './topic-plans.ts'
import { STORE_AWAY_PAUSE_MS } from './until-answered.ts'

export interface ControllerOptions {
  readonly store: MetadataStore
  readonly follower: MetadataFollower
  readonly brokerId: number
  /** What this process can work at. */
  readonly features: readonly SupportedFeature[]
  /** With the dynamic changes of the newest image. */
  readonly config: () => BrokerConfig
  readonly random: Random
  readonly timers: Timers
  readonly logger: Logger
  /** Elections cannot go on: the store failed. */
  readonly onFailure: (error: unknown) => void
}

interface IsrRequest {
  readonly request: AlterPartitions
  readonly done: Deferred<Outcome<AlteredPartition[]>>
}

const OPERATIONS_WAITING_MAX = 1000
const ISR_REQUESTS_WAITING_MAX = 1000
/** How long requests of leaders are gathered: one broker's death makes many of them, and a commit takes them all. */
const ISR_GATHERING_MS = 50
/** A store that does not tell what became of a candidacy is left alone for a moment. */
const UNKNOWN_PAUSE_MS = 200
/** What a timer can hold: 24 days. */
const TIMER_MS_MAX = 2 ** 31 - 1
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
  /** The revision at which the store's history was last compacted. */
  #compactedAt = 0
  #campaigning: Promise<void>
  /** A session time-out has passed since we were elected: who gave no sign of life is gone. */
  #missesTheAbsent = false
  #isrRequests: IsrRequest[] = []

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

  async updateFeatures(updates: readonly FeatureUpdate[], options: MutationOptions): Promise<Outcome<null>> {
    const { features } = this.#options
    const [outcome] = await this.#operate([null], (image) => [planUpdateFeatures(image, updates, features)], options)
    return outcome!
  }

  async allocateProducerIds(): Promise<Outcome<ProducerIdBlock>> {
    const [outcome] = await this.#operate([null], (image) => [planProducerIds(image)])
    return outcome!
  }

  async electLeaders(elections: ElectLeaders): Promise<Outcome<ElectedPartition[]>> {
    const config = this.#options.config
    const [outcome] = await this.#operate([null], (image) => [planElectLeaders(image, elections, config())])
    return outcome!
  }

  async alterReassignments(command: AlterReassignments): Promise<Outcome<AlteredReassignment[]>> {
    const config = this.#options.config
    const [outcome] = await this.#operate([null], (image) => [planAlterReassignments(image, command, config())])
    return outcome!
  }

  /** Changes nothing; in its turn, so that what was begun before is in it. */
  async listReassignments(asked: ElectLeaders['partitions']): Promise<Outcome<RunningReassignment[]>> {
    const [outcome] = await this.#operate([null], (image) => {
      return [{ sets: [], success: runningReassignments(image, asked) }]
    })
    return outcome!
  }

  async unregisterBroker(brokerId: number): Promise<Outcome<null>> {
    const config = this.#options.config
    const [outcome] = await this.#operate([null], (image) => [planUnregisterBroker(image, brokerId, config())])
    return outcome!
  }

  async reportFailedLogs(failed: FailedLogs): Promise<Outcome<null>> {
    const config = this.#options.config
    const [outcome] = await this.#operate([null], (image) => [planFailedLogs(image, failed, config())])
    return outcome!
  }

  /** Requests of 50 ms are planned and written together. */
  alterPartitions(request: AlterPartitions): Promise<Outcome<AlteredPartition[]>> {
    if (this.#isrRequests.length >= ISR_REQUESTS_WAITING_MAX) return Promise.resolve(timedOut())
    const done = deferred<Outcome<AlteredPartition[]>>()
    this.#isrRequests.push({ request, done })
    if (this.#isrRequests.length === 1) {
      this.#options.timers.after(ISR_GATHERING_MS, () => void this.#alterGathered())
    }
    return done.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#campaigning
    await this.#lastOperation
  }

  async #alterGathered(): Promise<void> {
    const gathered = this.#isrRequests
    this.#isrRequests = []
    const requests = gathered.map(({ request }) => request)
    const config = this.#options.config
    try {
      const [outcome] = await this.#operate([null], (image) => [planAlterPartitions(image, requests, config())])
      for (const [i, { done }] of gathered.entries()) {
        done.resolve(outcome instanceof ProtocolError ? outcome : outcome![i]!)
      }
    } catch (error) {
      for (const { done } of gathered) done.reject(error)
    }
  }

  /** Outcomes in the order of `commands`; `plan` is made when its turn has come. */
  async #operate<Success>(
    commands: readonly unknown[],
    plan: (image: MetadataImage) => (Plan<Success> | ProtocolError)[],
    { validateOnly }: MutationOptions = { validateOnly: false },
  ): Promise<Outcome<Success>[]> {
    if (this.#operationsWaiting >= OPERATIONS_WAITING_MAX) return commands.map(() => timedOut())
    return this.#inTurn(async () => {
      if (this.#isUncertain && !(await this.#couldSettle())) return commands.map(() => timedOut())
      if (this.#epoch === null) return commands.map(() => notController())
      const plans = plan(this.#options.follower.image)
      assert(plans.length === commands.length, 'Each command has a plan or an error')
      return validateOnly ? plans.map(successOf) : this.#commitPlans(plans)
    })
  }

  /** False where the store does not answer: nothing can be done until it does. */
  async #couldSettle(): Promise<boolean> {
    try {
      await this.#settle()
      return true
    } catch (error) {
      if (error instanceof StoreUnavailable) return false
      throw error
    }
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
    if (outcome.type === 'committed') {
      await follower.reached(outcome.revision, { signal: this.#stop.signal })
      await this.#compactBehind(outcome.revision)
    }
    // After a conflict the image may be behind; after an unknown outcome so may everybody be.
    else this.#isUncertain = true
    return outcome
  }

  /**
   * Keeps at least as much history as the embedded stores do, and at most twice as much. A broker that is further behind
   * reads everything anew.
   */
  async #compactBehind(revision: number): Promise<void> {
    if (revision - this.#compactedAt < HISTORY_REVISIONS_MAX) return
    this.#compactedAt = revision
    await this.#options.store.compact(revision - HISTORY_REVISIONS_MAX)
  }

  /** Brings the image to what the store holds now. */
  async #settle(): Promise<void> {
    const { store, follower } = this.#options
    const { signal } = this.#stop
    const { revision } = await store.read(CONTROLLER_KEY, { signal })
    await follower.reached(revision, { signal })
    this.#isUncertain = false
  }

  async #campaign(): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) await this.#standWhenAnswered()
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Who stands where the store is away stands again, until it is back. */
  async #standWhenAnswered(): Promise<void> {
    try {
      await this.#standOnce()
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      this.#options.logger.warn('Cannot stand for controller', { reason: error.message })
      await this.#options.timers.sleep(STORE_AWAY_PAUSE_MS, { signal: this.#stop.signal })
    }
  }

  /** One term of office, or one wait for the end of another's. */
  async #standOnce(): Promise<void> {
    const { store, brokerId } = this.#options
    const lease = await store.lease(this.#sessionMs)
    try {
      const outcome = await store.commit({
        ifRevision: [{ key: CONTROLLER_KEY, revision: 0 }],
        puts: [{ key: CONTROLLER_KEY, value: encodeController(brokerId) }],
        deletes: [],
        lease,
      })
      if (outcome.type === 'committed') await this.#serve(outcome.revision, lease)
      if (outcome.type === 'conflict') await this.#waitForVacancy()
      if (outcome.type === 'unknown') await this.#options.timers.sleep(UNKNOWN_PAUSE_MS)
    } finally {
      await lease.release()
    }
  }

  async #serve(epoch: number, lease: Lease): Promise<void> {
    const { follower, logger } = this.#options
    await follower.reached(epoch, { signal: this.#stop.signal })
    // Before the first operation: what it writes in several commits must not be taken for garbage.
    for (const set of planRemoveGarbage(follower.image)) await this.#commit(set, epoch)
    this.#epoch = epoch
    this.#missesTheAbsent = false
    this.#elected.resolve()
    logger.debug('Elected controller', { controllerEpoch: epoch })
    const ended = AbortSignal.any([lease.lost, this.#stop.signal, this.#deposed(epoch)])
    const grace = this.#endGraceLater(epoch)
    const balancing = this.#balanceLeaders(ended).catch((error) => this.#failed(error))
    const housekeeping = this.#keepHouse(epoch, ended).catch((error) => this.#failed(error))
    await aborted(ended)
    this.#epoch = null
    grace.cancel()
    await Promise.all([housekeeping, balancing])
    this.#elected = deferred()
    logger.debug('No longer controller', { controllerEpoch: epoch })
  }

  /** Aborts when the document of this term is gone though its lease lives: somebody took this broker for dead. */
  #deposed(epoch: number): AbortSignal {
    const deposed = new AbortController()
    const isOver = (image: MetadataImage): boolean => image.controllerEpoch !== epoch
    this.#options.follower.until(isOver, { signal: this.#stop.signal }).then(
      () => deposed.abort(),
      () => deposed.abort(),
    )
    return deposed.signal
  }

  /** Who has not shown up by then is gone. */
  #endGraceLater(epoch: number): Timer {
    return this.#options.timers.after(this.#sessionMs, () => {
      this.#missesTheAbsent = true
      this.#tidyUp(epoch).catch((error) => this.#failed(error))
    })
  }

  /** Preferred leaders get their place back now and then, as long as this term lasts. What fails is tried next time. */
  async #balanceLeaders(ended: AbortSignal): Promise<void> {
    const { config, timers } = this.#options
    if (!config().boolean('auto.leader.rebalance.enable')) return
    const pauseMs = Math.min(config().int('leader.imbalance.check.interval.seconds') * 1000, TIMER_MS_MAX)
    while (!ended.aborted) {
      const due = deferred<void>()
      const timer = timers.after(pauseMs, due.resolve)
      await Promise.race([due.promise, aborted(ended)])
      timer.cancel()
      if (ended.aborted) return
      await this.#operate([null], (image) => [{ sets: planBalanceLeaders(image, config()), success: null }])
    }
  }

  /** Follows brokers as they come and go, as long as this term lasts. */
  async #keepHouse(epoch: number, ended: AbortSignal): Promise<void> {
    const { follower } = this.#options
    while (!ended.aborted) {
      const { brokers, alive } = follower.image
      await this.#tidyUp(epoch)
      const changed = follower.until((image) => image.brokers !== brokers || image.alive !== alive)
      // A follower that closes ends the wait as the end of the term does.
      await Promise.race([changed.catch(() => undefined), aborted(ended)])
      if (follower.isClosed) return
    }
  }

  /** Does what the image asks for, step by step, until it asks for nothing. Others have their turn while the store is away. */
  async #tidyUp(epoch: number): Promise<void> {
    const { timers } = this.#options
    while (!(await this.#tidyUpInTurn(epoch))) await timers.sleep(STORE_AWAY_PAUSE_MS, { signal: this.#stop.signal })
  }

  /** False where the store does not answer. */
  #tidyUpInTurn(epoch: number): Promise<boolean> {
    return this.#inTurn(async () => {
      for (;;) {
        if (this.#epoch !== epoch) return true
        if (this.#isUncertain && !(await this.#couldSettle())) return false
        if (this.#epoch !== epoch) return true
        const { follower, config } = this.#options
        const sets = planLiveness(follower.image, {
          ...{ config: config(), missesTheAbsent: this.#missesTheAbsent, seenAlive: follower.seenAlive },
        })
        if (sets.length === 0) return true
        for (const { set } of pack([sets])) {
          const outcome = await this.#commit(set, epoch)
          if (outcome.type !== 'committed') break
        }
      }
    })
  }

  /** A term cannot go on; what fails because we stop is no failure. */
  #failed(error: unknown): void {
    if (!this.#stop.signal.aborted) this.#options.onFailure(error)
  }

  /** `broker.session.timeout.ms`: how long the store may hear nothing of a process before it counts as gone. */
  get #sessionMs(): number {
    return this.#options.config().int('broker.session.timeout.ms')
  }

  async #waitForVacancy(): Promise<void> {
    // Without the newest image the vacancy that we see may be the one before the other's election.
    await this.#settle()
    const { signal } = this.#stop
    const vacant = this.#options.follower.until((image) => image.controllerId === NO_CONTROLLER, { signal })
    // A follower that closes ends the wait as a vacancy would; the next round then finds the store closed.
    await vacant.catch(() => undefined)
  }

  #planning(): PlanningContext {
    const { config, random } = this.#options
    return { config: config(), newTopicId: () => newUuid(random), random: (below) => random.below(below) }
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
