/** Owns reading back what one client of a trial produced, by two readers, and the account of it. */
import type { Client } from '@ottla/client/client.ts'
import { AssignedConsumer } from '@ottla/client/consumer/assigned-consumer.ts'
import type { MemberProcess } from '../groups/member-process.ts'
import { waitUntil } from '../groups/wait-until.ts'
import { succeed } from '../processes.ts'
import { PARTITIONS, type Scene } from './scenarios.ts'
import type { Seen, SteadyClient, SteadyKind } from './steady-client.ts'
import { longestGapMs, type PartitionTally, type Placed, skips, tallyOf, undelivered } from './tally.ts'

export interface Participant {
  readonly steady: SteadyClient
  readonly member: MemberProcess
}

export interface ClientResult extends PartitionTally {
  readonly kind: SteadyKind
  /** Without an acknowledgement, in the partition where it was longest. */
  readonly gapMs: number
  /** As a group's member, without a record. */
  readonly groupGapMs: number
  readonly acknowledged: number
  /** Records that a reader without a group was not given next, or that a group was never given. */
  readonly unread: number
  readonly failures: readonly string[]
}

export interface ResultOptions {
  readonly client: Client
  readonly scene: Scene
  /** When it was struck, and when the producers were told to end, by the wall clock. */
  readonly fromMs: number
  readonly untilMs: number
}

export async function resultOf(participant: Participant, options: ResultOptions): Promise<ClientResult> {
  const { steady } = participant
  const all = Array.from({ length: PARTITIONS }, (_, i) => i)
  const parts = await Promise.all(all.map((partition) => partOf(participant, { ...options, partition })))
  const sum = (of: (part: Part) => number): number => parts.reduce((total, part) => total + of(part), 0)
  return {
    kind: steady.kind,
    gapMs: Math.max(...parts.map(({ gapMs }) => gapMs)),
    groupGapMs: Math.max(...parts.map(({ groupGapMs }) => groupGapMs)),
    acknowledged: steady.acked.length,
    lost: sum(({ lost }) => lost),
    twice: sum(({ twice }) => twice),
    reordered: sum(({ reordered }) => reordered),
    misplaced: sum(({ misplaced }) => misplaced),
    unread: sum(({ unread }) => unread),
    failures: steady.failures,
  }
}

interface Part extends PartitionTally {
  readonly gapMs: number
  readonly groupGapMs: number
  readonly unread: number
}

async function partOf(participant: Participant, options: ResultOptions & { partition: number }): Promise<Part> {
  const { steady, member } = participant
  const { partition, client, fromMs, untilMs } = options
  const of = (seen: readonly Seen[]): Seen[] => seen.filter((one) => one.partition === partition)
  const stored = await storedIn(client, { topic: steady.topic, partition })
  await sameAs(stored, steady.topic, options)
  const unread = await unreadOf(participant, { stored, partition })
  const acked = of(steady.acked)
  const grouped = deliveredTo(member, partition)
  return {
    ...tallyOf({ acked, stored, delivered: [...of(steady.read), ...grouped] }),
    unread,
    gapMs: longestGapMs(times(acked), { fromMs, untilMs }),
    groupGapMs: longestGapMs(times(grouped), { fromMs, untilMs }),
  }
}

/** Readers may be a moment behind the producers; what they have not been given by then they never are. */
async function unreadOf(
  { steady, member }: Participant,
  { stored, partition }: { stored: readonly Placed[]; partition: number },
): Promise<number> {
  let unread = 0
  await waitUntil(
    'readers at the end',
    async () => {
      const read = steady.read.filter((one) => one.partition === partition)
      const missing = steady.kind.readsAssigned ? undelivered(stored, read) + skips(read) : 0
      unread = missing + undelivered(stored, deliveredTo(member, partition))
      return unread === 0 ? { found: true } : { missing: `${unread} records` }
    },
    READERS_MS_MAX,
  ).catch(() => undefined)
  return unread
}

/** A member whose coordinator died may have to let a session end before it reads on. */
const READERS_MS_MAX = 30_000

function deliveredTo(member: MemberProcess, partition: number): Seen[] {
  return member.deliveries
    .filter(({ record: [, index] }) => index === partition)
    .map(({ record: [, , offset, value], atMs }) => ({ partition, offset, number: Number(value), atMs }))
}

function times(seen: readonly Seen[]): number[] {
  return seen.map(({ atMs }) => atMs)
}

interface Place {
  readonly topic: string
  readonly partition: number
}

async function storedIn(client: Client, place: Place): Promise<Placed[]> {
  const assignments = [{ ...place, from: 'beginning', until: 'end' } as const]
  await using consumer = await AssignedConsumer.open(client, { assignments })
  const stored: Placed[] = []
  for await (const batch of consumer.batches()) {
    for (const { offset, value } of batch.records()) stored.push({ offset, number: Number(String(value)) })
  }
  return stored
}

/** librdkafka reads the same. */
async function sameAs(
  stored: readonly Placed[],
  topic: string,
  { partition, scene }: ResultOptions & { partition: number },
) {
  const place = ['-b', scene.cluster.bootstrap, '-t', topic, '-p', String(partition)]
  const { output } = await succeed('kcat', ['-C', ...place, '-o', 'beginning', '-e', '-q', '-f', '%o %s\n'])
  const expected = stored.map(({ offset, number }) => `${offset} ${number}\n`).join('')
  if (String(output) !== expected) throw new Error(`Cannot trust "${topic}-${partition}": two readers differ about it`)
}
