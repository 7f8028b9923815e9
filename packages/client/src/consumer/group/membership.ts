/**
 * What the two group protocols and the consumer have to do with each other: a membership keeps the member in its group
 * and says which partitions come and go; the consumer reads them. Types and the errors that end a consumer, no state.
 */
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../../client.ts'
import type { Lane } from '../../connections.ts'
import type { Coordinator } from './coordinator.ts'

export interface GroupPartition {
  readonly topic: string
  readonly partition: number
}

/** Who commits: what OffsetCommit and OffsetFetch are checked against. */
export interface MemberIdentity {
  readonly memberId: string
  /** Of the generation (classic) or the member's epoch. */
  readonly epoch: number
  readonly groupInstanceId: string | null
}

/** The consumer as its membership sees it. */
export interface MembershipHost {
  /**
   * Nothing more of these is delivered; resolves when the application has done with what it holds of them and their
   * offsets are committed: then another member may have them. A `lose` meanwhile ends the wait.
   */
  revoke(partitions: readonly GroupPartition[]): Promise<void>
  /** Other members may read all our partitions already: nothing more is delivered, nothing committed. */
  lose(): Promise<void>
  /** Starts to read them. */
  assign(partitions: readonly GroupPartition[]): Promise<void>
  /** The member cannot go on: the application gets the error. */
  fail(error: Error): void
}

export interface MembershipOptions {
  readonly client: Client
  readonly coordinator: Coordinator
  readonly host: MembershipHost
  /** Joins and heartbeats travel here, apart from everything that others wait for. */
  readonly lane: Lane
  readonly subscription: Subscription
  readonly groupInstanceId: string | null
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
}

/** Topics by name, or those whose whole name fits the pattern. */
export type Subscription = { readonly topics: readonly string[] } | { readonly pattern: string }

export interface Membership {
  readonly identity: MemberIdentity
  /** Stays in the group until the signal aborts or the host was told of a failure. Never rejects. */
  run(signal: AbortSignal): Promise<void>
  /** After `run` has ended: tells the group, so that it does not wait for the session to end. */
  leave(options: { readonly signal: AbortSignal }): Promise<void>
}

/** What a member cannot mend by itself, and what to do about it. */
const ADVICE: Partial<Record<ErrorName, string>> = {
  FENCED_INSTANCE_ID: 'another member has taken over this group.instance.id: give each member one of its own',
  UNRELEASED_INSTANCE_ID:
    'a live member holds this group.instance.id: stop it, wait for its session to end, or give each member one of its own',
  GROUP_MAX_SIZE_REACHED: 'the group has as many members as the broker lets it have',
  INCONSISTENT_GROUP_PROTOCOL:
    "the group's other members share no assignor with this one, or use another protocol type",
  INVALID_SESSION_TIMEOUT: "sessionTimeoutMs lies outside the broker's group.min/max.session.timeout.ms",
  UNSUPPORTED_ASSIGNOR: "the broker's group.consumer.assignors does not have the assignor",
  GROUP_ID_NOT_FOUND:
    'the id belongs to a group of another kind with members in it: use the classic protocol, or another id',
  UNSUPPORTED_VERSION: 'the broker does not serve this group protocol: use the classic protocol',
}

export function groupError(what: string, error: ErrorName, message: string | null = null): ProtocolError {
  const reason = ADVICE[error] ?? (message === null || message === '' ? new ProtocolError(error).message : message)
  return new ProtocolError(error, `Cannot ${what}: ${reason} (${error})`)
}

export function partitionKey({ topic, partition }: GroupPartition): string {
  return `${partition} ${topic}`
}

/** What is in `all` and not in `some`. */
export function without<P extends GroupPartition>(
  all: readonly P[],
  some: readonly P[],
  keyOf: (one: P) => string = partitionKey,
): P[] {
  const keys = new Set(some.map(keyOf))
  return all.filter((one) => !keys.has(keyOf(one)))
}

/** One row a topic, as requests name partitions. */
export function byTopic(partitions: readonly GroupPartition[]): { topic: string; partitions: number[] }[] {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const row = topics.get(topic)
    if (row === undefined) topics.set(topic, [partition])
    else row.push(partition)
  }
  return [...topics].map(([topic, numbers]) => ({ topic, partitions: numbers.sort((a, b) => a - b) }))
}

export function fromTopics(
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
): GroupPartition[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map((partition) => ({ topic, partition })))
}
