/**
 * Owns the language in which scenarios are written: a scenario is a list of steps, a step is one request (or raw bytes)
 * on a connection. The same steps go to Apache Kafka and to Ottla, for every version of the scenario's API; steps of
 * other APIs, which prepare and look, go in one version.
 *
 * In requests a string that begins with '@' stands for a topic of the scenario: `@a` is its name, or its id where the
 * field is one; groups and their members are named in the same way. `#0` is the first of the ids that the broker made for
 * members. Every run has topics and groups of its own, so that runs do not see each other. Fields that a version lacks
 * are left out, so one value serves all versions.
 */
import type { AnyApi, RequestInputOf, VersionRange } from '@ottla/protocol/codec.ts'
import type { ProfileName } from './profiles.ts'

/** What earlier steps of the same run have learnt. */
export interface At {
  /** Of the scenario's API. */
  readonly version: number
  readonly topic: (name: string) => string
  readonly topicId: (name: string) => string
  /** Fetch sessions and producers, in the order in which the broker gave them. */
  readonly session: (index: number) => number
  readonly producerId: (index: number) => number
  /** Ids that the broker made for members of groups. */
  readonly member: (index: number) => string
}

export interface StepOptions {
  /** Another connection than the first, by name. */
  readonly on?: string
  readonly clientId?: string | null
  /** The request's version, where it is not the scenario's. */
  readonly version?: number
  /** Kafka sends no reply: what is compared is whether one came, and whether the connection lives. */
  readonly silent?: boolean
  /** `later` does not wait for the reply; a step that says `earlier` sends nothing, and takes it. */
  readonly reply?: 'later' | 'earlier'
  /** Asked again, up to a limit, until the reply satisfies: for what becomes visible a moment later. */
  readonly until?: (reply: never) => boolean
}

export interface AskStep {
  readonly kind: 'ask'
  readonly api: AnyApi
  readonly request: unknown
  readonly options: StepOptions
}

export interface RawStep {
  readonly kind: 'raw'
  /** Whole frames, or less, or none. */
  readonly bytes: (at: At) => Buffer
  readonly options: RawOptions
}

export interface RawOptions {
  readonly on?: string
  /** How replies are read, in the scenario's version unless told; without it only whether they came counts. */
  readonly replies?: readonly { readonly api: AnyApi; readonly version?: number }[]
}

export type Step = AskStep | RawStep

export interface TopicSetup {
  readonly partitions?: number
  readonly configs?: { readonly [key: string]: string }
}

export interface Scenario {
  readonly name: string
  readonly api: AnyApi
  /** Lines of semantics.md, as docs/oracle-coverage.md numbers them. */
  readonly covers: readonly string[]
  /** All that are advertised when left out. */
  readonly versions?: VersionRange
  readonly profile?: ProfileName
  /** Made before the first step. */
  readonly topics?: { readonly [name: string]: TopicSetup }
  readonly steps: readonly Step[]
}

export interface ScenarioText extends Omit<Scenario, 'api' | 'name' | 'steps'> {
  readonly steps: readonly (Step | readonly Step[])[]
}

/** Names a scenario of an API. */
export function scenario(api: AnyApi, name: string, text: ScenarioText): Scenario {
  return { ...text, api, name, steps: text.steps.flat() }
}

/** One request; a function where it depends on the version or on earlier replies. */
export function ask<A extends AnyApi>(
  api: A,
  request: RequestInputOf<A> | ((at: At) => RequestInputOf<A>),
  options: StepOptions = {},
): AskStep {
  return { kind: 'ask', api, request, options }
}

/** Takes the reply to the request of that connection which did not wait for it. */
export function answered(api: AnyApi, on: string): AskStep {
  return { kind: 'ask', api, request: {}, options: { on, reply: 'earlier' } }
}

/** Bytes as they are. What follows is told by whether replies come or the connection is closed. */
export function raw(bytes: Buffer | ((at: At) => Buffer), options: RawOptions = {}): RawStep {
  return { kind: 'raw', bytes: typeof bytes === 'function' ? bytes : () => bytes, options }
}
