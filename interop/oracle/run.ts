/**
 * Runs one scenario in one version against one broker, and answers with what came back, step by step. A step that is
 * answered by closing leaves its connection closed; the next step on it opens a new one.
 */
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import type { AnyApi } from '@ottla/protocol/codec.ts'
import { correlationIdOf, decodeResponse } from '@ottla/protocol/frame.ts'
import { RawConnection } from '../raw-connection.ts'
import { Learnt } from './learnt.ts'
import { normalised } from './normalise.ts'
import { requestBytes } from './requests.ts'
import { type AskStep, ask, type RawStep, type Scenario, type StepOptions } from './scenario.ts'

/** A broker under test. */
export interface Target {
  readonly host: string
  readonly port: number
  /** Texts that are this broker's alone, with what stands for them. */
  readonly places: readonly (readonly [string, string])[]
  /** How long a change takes to be seen by requests; 0 where it is seen before it is answered. */
  readonly settleMs: number
}

/** Versions of the steps that are not of the scenario's API: the last that names topics, where that ends. */
const AUXILIARY_VERSIONS: Readonly<Record<string, number>> = { Produce: 12, Fetch: 12 }
/** After these a broker may need its settleMs. */
const CHANGES = [19, 20, 33, 37, 44]
/** A broker that answers neither with a frame nor by closing has hung. A guard, except for frames that are cut short. */
const WAIT_MS_MAX = 5_000
const RAW_WAIT_MS_MAX = 2_000
const RETRIES_MAX = 100
const RETRY_MS = 20
/** Who sends a request without waiting for its reply gives the broker this long to have taken it in, or its settleMs. */
const TAKEN_IN_MS = 8

/** The connection of what is no step: it waits for what it needs. */
const SETUP = 'setup'

export const CLOSED = '<closed>'
export const NOTHING = '<nothing>'
export const NO_REPLY = '<no reply, still open>'
export const SENT = '<sent>'

export async function runScenario(scenario: Scenario, version: number, target: Target): Promise<unknown[]> {
  using run = new Run(scenario, version, target)
  return await run.whole()
}

class Run implements Disposable {
  readonly #scenario: Scenario
  readonly #target: Target
  readonly #learnt: Learnt
  readonly #connections = new Map<string, RawConnection>()
  #correlationId = 0

  constructor(scenario: Scenario, version: number, target: Target) {
    this.#scenario = scenario
    this.#target = target
    const prefix = `o-${scenario.api.key}-${scenario.name.replaceAll(/[^a-z0-9]+/gi, '-')}-v${version}-`
    this.#learnt = new Learnt({ version, prefix, places: target.places })
  }

  async whole(): Promise<unknown[]> {
    await this.#prepare()
    const outcomes: unknown[] = []
    for (const step of this.#scenario.steps) {
      outcomes.push(step.kind === 'raw' ? await this.#raw(step) : await this.#ask(step))
    }
    await this.#clear()
    return outcomes
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections.values()) connection[Symbol.dispose]()
  }

  async #prepare(): Promise<void> {
    const setups = Object.entries(this.#scenario.topics ?? {})
    if (setups.length === 0) return
    const topics = setups.map(([name, { partitions = 1, configs = {} }]) => ({
      ...{ name: `@${name}`, numPartitions: partitions, replicationFactor: 1, assignments: [] },
      configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
    }))
    const on = SETUP
    const made = (await this.#ask(ask(CreateTopics, { topics }, { on, version: 7 }))) as { topics: object[] }
    const refused = made.topics.filter((topic) => (topic as { errorCode: string }).errorCode !== 'NONE')
    if (refused.length > 0)
      throw new Error(`Cannot make topics of "${this.#scenario.name}": ${JSON.stringify(refused)}`)
    const wanted = { topics: topics.map(({ name }) => ({ name })), allowAutoTopicCreation: false }
    await this.#ask(ask(Metadata, wanted, { on, version: 12, until: allLed as never }))
    // Metadata may tell of a leader a moment before that broker knows that it leads.
    const ends = setups.map(([name, { partitions = 1 }]) => ({
      name: `@${name}`,
      partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1 })),
    }))
    await this.#ask(ask(ListOffsets, { replicaId: -1, topics: ends }, { on, version: 7, until: allFound as never }))
    // Coordinators of groups learn of topics last, and do not say so.
    if (this.#scenario.profile === 'groups') await wait(this.#target.settleMs)
  }

  /** Whatever the run has made goes away, so that a broker does not fill up; where that is allowed. */
  async #clear(): Promise<void> {
    const { topics = {}, profile = 'plain' } = this.#scenario
    if (!['plain', 'groups'].includes(profile) || Object.keys(topics).length === 0) return
    const topicNames = Object.keys(topics).map((name) => `@${name}`)
    await this.#ask(ask(DeleteTopics, { topicNames, timeoutMs: 10_000 }, { on: SETUP, version: 5 }))
  }

  async #ask(step: AskStep): Promise<unknown> {
    const { api, options } = step
    for (let tries = 1; ; tries++) {
      const outcome = await this.#askOnce(step)
      if (outcome instanceof Frame) {
        const reply = outcome.decode()
        this.#learnt.learn(reply)
        if (CHANGES.includes(api.key) && options.on !== SETUP) await wait(this.#target.settleMs)
        if (options.until === undefined || options.until(reply as never) || tries === RETRIES_MAX) {
          return normalised(api, reply, this.#learnt)
        }
      } else return outcome
      await wait(RETRY_MS)
    }
  }

  async #askOnce(step: AskStep): Promise<Frame | string> {
    const { api, options } = step
    const version = options.version ?? this.#versionOf(api)
    const correlationId = ++this.#correlationId
    const clientId = options.clientId === undefined ? 'oracle' : options.clientId
    const connection = await this.#connection(options.on)
    if (options.reply === 'earlier') return await this.#take(connection, { api, version, on: options.on })
    const value = typeof step.request === 'function' ? step.request(this.#learnt) : step.request
    connection.write(requestBytes({ api, version, correlationId, clientId, value }, this.#learnt))
    if (options.reply === 'later') {
      await wait(Math.max(TAKEN_IN_MS, this.#target.settleMs / 2))
      return SENT
    }
    if (options.silent) return await this.#silence(connection, options)
    return await this.#take(connection, { api, version, on: options.on })
  }

  #versionOf(api: AnyApi): number {
    if (api === this.#scenario.api) return this.#learnt.version
    return AUXILIARY_VERSIONS[api.name] ?? (api.unstableLast ? api.versions[1] - 1 : api.versions[1])
  }

  /** A request that needs a reply follows: what comes first tells whether the silent one was answered. */
  async #silence(connection: RawConnection, options: StepOptions): Promise<string> {
    const probe = ++this.#correlationId
    const text = { api: ApiVersions, version: 0, correlationId: probe, clientId: options.clientId ?? 'oracle' }
    connection.write(requestBytes({ ...text, value: {} }, this.#learnt))
    const frame = await within(connection.frame(), WAIT_MS_MAX)
    if (frame === null) return this.#ended(CLOSED, options.on)
    if (frame === undefined) return this.#ended(NOTHING, options.on)
    return correlationIdOf(frame) === probe ? NO_REPLY : this.#ended('<a reply>', options.on)
  }

  async #raw(step: RawStep): Promise<unknown> {
    const { replies = [], on } = step.options
    const connection = await this.#connection(on)
    connection.write(step.bytes(this.#learnt))
    const outcomes: unknown[] = []
    for (const form of replies) {
      const outcome = await this.#take(connection, { version: this.#learnt.version, ...form, on })
      if (!(outcome instanceof Frame)) return [...outcomes, outcome]
      const reply = outcome.decode()
      this.#learnt.learn(reply)
      outcomes.push({ correlationId: outcome.correlationId, reply: normalised(form.api, reply, this.#learnt) })
    }
    if (replies.length > 0) return outcomes
    const frame = await within(connection.frame(), RAW_WAIT_MS_MAX)
    if (frame === undefined) return this.#ended(NOTHING, on)
    return frame === null ? this.#ended(CLOSED, on) : `<a reply of ${frame.length} bytes>`
  }

  async #take(
    connection: RawConnection,
    form: { api: AnyApi; version: number; on?: string | undefined },
  ): Promise<Frame | string> {
    const frame = await within(connection.frame(), WAIT_MS_MAX)
    if (frame === undefined) return this.#ended(NOTHING, form.on)
    return frame === null ? this.#ended(CLOSED, form.on) : new Frame(form.api, form.version, frame)
  }

  /** What a broker owes an answer on is of no use any more, as answers come in order. */
  #ended(outcome: string, on = 'first'): string {
    this.#connections.get(on)?.[Symbol.dispose]()
    this.#connections.delete(on)
    return outcome
  }

  async #connection(name = 'first'): Promise<RawConnection> {
    const known = this.#connections.get(name)
    if (known !== undefined && !known.isClosed) return known
    const connection = await RawConnection.open(this.#target)
    this.#connections.set(name, connection)
    return connection
  }
}

class Frame {
  readonly #api: AnyApi
  readonly #version: number
  readonly #bytes: Buffer

  constructor(api: AnyApi, version: number, bytes: Buffer) {
    this.#api = api
    this.#version = version
    this.#bytes = bytes
  }

  get correlationId(): number {
    return correlationIdOf(this.#bytes)
  }

  /** A version of ApiVersions that the broker does not know is answered in version 0 (KIP-511). */
  decode(): unknown {
    const isUnknown = this.#api === ApiVersions && this.#version > ApiVersions.versions[1]
    return decodeResponse(this.#api, isUnknown ? 0 : this.#version, this.#bytes)
  }
}

function allLed(reply: { topics: { errorCode: number; partitions: { errorCode: number; leaderId: number }[] }[] }) {
  return reply.topics.every(
    ({ errorCode, partitions }) =>
      errorCode === 0 && partitions.every((partition) => partition.errorCode === 0 && partition.leaderId >= 0),
  )
}

function allFound(reply: { topics: { partitions: { errorCode: number }[] }[] }) {
  return reply.topics.every(({ partitions }) => partitions.every(({ errorCode }) => errorCode === 0))
}

/** Undefined where nothing came in time. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

async function wait(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
}
