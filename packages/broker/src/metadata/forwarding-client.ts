/**
 * The controller client of a broker in a cluster: a local call where this broker is the controller, else one request to
 * the controller's listener for brokers. Looks for the controller again where it was asked at the wrong place; a call
 * whose answer was lost is REQUEST_TIMED_OUT and never sent twice.
 */
import type { Clock } from '@ottla/base/clock.ts'
import { deferred } from '@ottla/base/deferred.ts'
import type { Network } from '@ottla/base/network.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { BrokerConnection } from '@ottla/client/connection.ts'
import { Envelope } from '@ottla/protocol/apis/58-envelope.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { ControllerClient } from './controller-client.ts'
import { CONTROLLER_KEY } from './documents.ts'
import type { MetadataFollower } from './follower.ts'
import { decodeResult, encodeCall, type ForwardedCall, failAll } from './forwarded.ts'
import { endpointOf, type MetadataImage, NO_CONTROLLER } from './image.ts'
import { type MetadataStore, StoreUnavailable } from './store.ts'

export interface ForwardingOptions {
  readonly brokerId: number
  readonly local: ControllerClient
  /** Whether this broker is the controller at this moment. */
  readonly isController: () => boolean
  readonly store: Pick<MetadataStore, 'read'>
  readonly follower: MetadataFollower
  /** Of the listener by which brokers reach each other. */
  readonly listener: string
  readonly network: Network
  readonly clock: Clock
  readonly timers: Timers
}

/** For one call, the search for a controller included. */
const CALL_TIMEOUT_MS = 30_000
const SEARCH_AGAIN_MS = 50

type Result = ReturnType<typeof decodeResult>

export class ForwardingClient implements AsyncDisposable {
  readonly client: ControllerClient
  readonly #options: ForwardingOptions
  #connection: { readonly to: string; readonly opened: Promise<BrokerConnection> } | null = null

  constructor(options: ForwardingOptions) {
    this.#options = options
    const call = <Method extends keyof ControllerClient>(method: Method) =>
      ((...args: unknown[]) => this.#call({ method, args })) as unknown as ControllerClient[Method]
    this.client = {
      createTopics: call('createTopics'),
      deleteTopics: call('deleteTopics'),
      createPartitions: call('createPartitions'),
      alterConfigs: call('alterConfigs'),
      updateFeatures: call('updateFeatures'),
      allocateProducerIds: call('allocateProducerIds'),
      alterPartitions: call('alterPartitions'),
      electLeaders: call('electLeaders'),
      alterReassignments: call('alterReassignments'),
      listReassignments: call('listReassignments'),
      unregisterBroker: call('unregisterBroker'),
      reportFailedLogs: call('reportFailedLogs'),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#drop()
  }

  async #call(call: ForwardedCall): Promise<Result> {
    const deadlineMs = this.#options.clock.monotonicMs() + CALL_TIMEOUT_MS
    for (;;) {
      const result = await this.#callOnce(call, deadlineMs)
      if (!isRefusedEverywhere(result)) return result
      if (this.#options.clock.monotonicMs() + SEARCH_AGAIN_MS >= deadlineMs) return result
      await this.#options.timers.sleep(SEARCH_AGAIN_MS)
    }
  }

  async #callOnce(call: ForwardedCall, deadlineMs: number): Promise<Result> {
    const { follower, isController, local, clock } = this.#options
    const leftMs = deadlineMs - clock.monotonicMs()
    if (!(await this.#known((image) => image.controllerId !== NO_CONTROLLER, leftMs))) return failAll(call, timedOut())
    if (isController()) return (local[call.method] as (...args: readonly unknown[]) => Promise<Result>)(...call.args)
    const image = follower.image
    const broker = image.brokers.get(image.controllerId)
    const endpoint = broker && endpointOf(broker, this.#options.listener)
    // Ours is the controller's id while its own election is on the way to this image, or after it has ended.
    if (endpoint === undefined || image.controllerId === this.#options.brokerId) return failAll(call, notController())
    return this.#forward(call, { ...endpoint, timeoutMs: leftMs })
  }

  async #forward(call: ForwardedCall, to: { host: string; port: number; timeoutMs: number }): Promise<Result> {
    let connection: BrokerConnection
    try {
      connection = await this.#connect(to)
    } catch {
      // Nothing was sent: there may be another controller in a moment.
      await this.#drop()
      return failAll(call, notController())
    }
    try {
      const value = { requestData: encodeCall(call), requestPrincipal: null, clientHostAddress: Buffer.alloc(0) }
      const answer = await connection.requestAt(Envelope, 0, { value, timeoutMs: to.timeoutMs })
      if (answer.errorCode !== 0) return failAll(call, new ProtocolError(errorName(answer.errorCode)))
      const result = decodeResult(call.method, answer.responseData!)
      await this.#seen(to.timeoutMs)
      return result
    } catch {
      await this.#drop()
      return failAll(call, timedOut())
    }
  }

  /**
   * What the controller has done shows in this broker's image before its caller is told, where the store answers in time:
   * an answer that is known is not kept back for what only comes a little later.
   */
  async #seen(timeoutMs: number): Promise<void> {
    try {
      const { revision } = await this.#options.store.read(CONTROLLER_KEY)
      await this.#known((image) => image.revision >= revision, timeoutMs)
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
    }
  }

  async #known(isReady: (image: MetadataImage) => boolean, timeoutMs: number): Promise<boolean> {
    const { follower, timers } = this.#options
    if (isReady(follower.image)) return true
    const enough = deferred<boolean>()
    const timer = timers.after(timeoutMs, () => enough.resolve(false))
    const known = follower.until(isReady).then(
      () => true,
      () => false,
    )
    const isKnown = await Promise.race([known, enough.promise])
    timer.cancel()
    return isKnown
  }

  #connect({ host, port }: { host: string; port: number }): Promise<BrokerConnection> {
    const to = `${host}:${port}`
    if (this.#connection?.to === to)
      return this.#connection.opened.then((one) => (one.isClosed ? this.#reopen(host, port) : one))
    return this.#reopen(host, port)
  }

  #reopen(host: string, port: number): Promise<BrokerConnection> {
    void this.#drop()
    const { network, clock, timers, brokerId } = this.#options
    const opened = BrokerConnection.open({
      host,
      port,
      network,
      clock,
      timers,
      clientId: `broker-${brokerId}-controller`,
    })
    this.#connection = { to: `${host}:${port}`, opened }
    return opened
  }

  async #drop(): Promise<void> {
    const connection = this.#connection
    this.#connection = null
    const opened = await connection?.opened.catch(() => null)
    await opened?.[Symbol.asyncDispose]()
  }
}

/** Nothing was done: another broker is the controller, or will be. */
function isRefusedEverywhere(result: Result): boolean {
  const outcomes = Array.isArray(result) ? result : [result]
  const isRefused = (one: unknown): boolean => one instanceof ProtocolError && one.error === 'NOT_CONTROLLER'
  return outcomes.length > 0 && outcomes.every(isRefused)
}

function timedOut(): ProtocolError {
  return new ProtocolError('REQUEST_TIMED_OUT')
}

function notController(): ProtocolError {
  return new ProtocolError('NOT_CONTROLLER')
}
