/**
 * Owns `ottla group reset-offsets`: works out where a group would go on, shows that as a table, and sets it when told to
 * --execute. A group with members is refused, because they would overwrite it with their next commit.
 */
import {
  alterGroupOffsets,
  describeGroups,
  type GroupPartition,
  listGroupOffsets,
  listOffsets,
  type OffsetSpec,
} from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { partitionKey } from '@ottla/client/consumer/group/membership.ts'
import { parseDuration, parsePartitions, parsePosition, parseWhole, UsageError } from '../arguments.ts'
import { type BrokerOptions, type CommandContext, print } from '../context.ts'
import { CommandError, NotFoundError, throwFirst } from '../exit-codes.ts'
import { json, table } from '../output.ts'

export interface ResetOptions extends BrokerOptions {
  readonly topic?: readonly string[]
  readonly allTopics?: boolean
  readonly to?: string
  readonly shiftBy?: number
  readonly byDuration?: string
  readonly fromFile?: string
  readonly execute?: boolean
  readonly json?: boolean
}

/** Where to, for one partition, from what is there. */
type Target =
  | { readonly kind: 'offset' | 'before-end' | 'shift'; readonly count: number }
  | { readonly kind: 'look-up'; readonly at: OffsetSpec }

interface Reset extends GroupPartition {
  readonly target: Target
}

export async function resetOffsets(context: CommandContext, groupId: string, options: ResetOptions): Promise<void> {
  const target = targetOf(options, context.clock.wallMs())
  const selected = (options.topic ?? []).map(parseTopic)
  checkSelection(options)
  const fromFile = options.fromFile === undefined ? null : await readFile(context, options.fromFile)
  await using client = await context.openClient(options.bootstrap)
  await refuseMembers(client, groupId, context.signal)
  const { signal } = context
  const committed = await listGroupOffsets(client, groupId, { signal })
  const current = new Map(committed.map((row) => [partitionKey(row), row.offset]))
  const places = fromFile ?? (await placesOf(client, { selected, committed, target: target!, signal }))
  if (places.length === 0) throw new NotFoundError(`Group "${groupId}" has no offsets: name topics with --topic`)
  const plan = await planOf(client, places, { current, signal })
  if (options.execute === true) {
    const outcomes = await alterGroupOffsets(client, groupId, {
      offsets: plan.map(({ topic, partition, new: offset }) => ({ topic, partition, offset })),
      signal,
    })
    throwFirst(outcomes.map(({ error }) => error))
  }
  await printPlan(context, plan, options)
}

function checkSelection(options: ResetOptions): void {
  const ways = [options.to, options.shiftBy, options.byDuration, options.fromFile].filter((way) => way !== undefined)
  if (ways.length !== 1) throw new UsageError('Give one of --to, --shift-by, --by-duration, --from-file')
  const selections = [options.topic, options.allTopics, options.fromFile].filter((one) => one !== undefined)
  if (selections.length !== 1) throw new UsageError('Give either --topic or --all-topics; with --from-file neither')
}

/** Null where the file says it. */
function targetOf(options: ResetOptions, nowMs: number): Target | null {
  if (options.shiftBy !== undefined) return { kind: 'shift', count: options.shiftBy }
  if (options.byDuration !== undefined)
    return { kind: 'look-up', at: { timestampMs: Math.max(0, nowMs - parseDuration(options.byDuration)) } }
  if (options.to === undefined) return null
  if (options.to === 'earliest') return { kind: 'look-up', at: 'beginning' }
  if (options.to === 'latest') return { kind: 'look-up', at: 'end' }
  const position = parsePosition(options.to)
  if (position.kind === 'offset') return { kind: 'offset', count: position.offset }
  if (position.kind === 'before-end') return { kind: 'before-end', count: position.count }
  return { kind: 'look-up', at: position.kind === 'time' ? { timestampMs: position.timeMs } : position.kind }
}

function parseTopic(text: string): { topic: string; partitions: readonly number[] | null } {
  const at = text.indexOf(':')
  if (at < 0) return { topic: text, partitions: null }
  return { topic: text.slice(0, at), partitions: parsePartitions(text.slice(at + 1)) }
}

async function readFile(context: CommandContext, path: string): Promise<Reset[]> {
  const lines = (await context.streams.wholeFile(path)).toString('utf8').split(/\r?\n/)
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [topic = '', partition = '', offset = '', ...rest] = line.split(',').map((part) => part.trim())
      if (topic === '' || rest.length > 0) throw new UsageError(`"${line}" is not topic,partition,offset`)
      const count = parseWhole(offset, { min: 0 })
      return { topic, partition: parseWhole(partition, { min: 0 }), target: { kind: 'offset', count } }
    })
}

async function refuseMembers(client: Client, groupId: string, signal: AbortSignal): Promise<void> {
  const [group] = await describeGroups(client, [groupId], { signal })
  const error = group?.error ?? null
  // A group that does not exist yet may be given offsets to begin with.
  if (error !== null && error.error !== 'GROUP_ID_NOT_FOUND') throw error
  const count = group?.members.length ?? 0
  if (count > 0)
    throw new CommandError(
      `Group "${groupId}" has ${count} ${count === 1 ? 'member' : 'members'}, which would overwrite the offsets: stop them first`,
    )
}

async function placesOf(
  client: Client,
  options: {
    selected: readonly { topic: string; partitions: readonly number[] | null }[]
    committed: readonly GroupPartition[]
    target: Target
    signal: AbortSignal
  },
): Promise<Reset[]> {
  const { selected, committed, target, signal } = options
  if (selected.length === 0) return committed.map(({ topic, partition }) => ({ topic, partition, target }))
  const places: Reset[] = []
  for (const { topic, partitions } of selected) {
    const known = await client.metadata.find(topic, { timeoutMs: 0, autoCreate: false, signal })
    const all = partitions ?? known.partitions.map(({ partition }) => partition)
    places.push(...all.map((partition) => ({ topic, partition, target })))
  }
  return places
}

async function planOf(
  client: Client,
  places: readonly Reset[],
  { current, signal }: { current: ReadonlyMap<string, number>; signal: AbortSignal },
) {
  const ask = async (at: (place: Reset) => OffsetSpec): Promise<number[]> => {
    const queries = places.map((place) => ({ topic: place.topic, partition: place.partition, at: at(place) }))
    return (await listOffsets(client, queries, { signal })).map(({ offset }) => offset)
  }
  const beginnings = await ask(() => 'beginning')
  const ends = await ask(() => 'end')
  const found = await ask(({ target }) => (target.kind === 'look-up' ? target.at : 'end'))
  return places.map(({ topic, partition, target }, index) => {
    const end = ends[index]!
    const before = current.get(partitionKey({ topic, partition })) ?? null
    // No record as new as the time: the group goes on with what comes next.
    const wanted =
      target.kind === 'look-up' ? (found[index]! < 0 ? end : found[index]!) : countOf(target, { before, end })
    if (wanted === null)
      throw new CommandError(`The group has no offset of "${topic}-${partition}" to shift: give --to`)
    const after = Math.min(end, Math.max(beginnings[index]!, wanted))
    return { topic, partition, current: before, new: after, end, lag: end - after }
  })
}

function countOf(
  target: { kind: 'offset' | 'before-end' | 'shift'; count: number },
  place: { before: number | null; end: number },
): number | null {
  if (target.kind === 'offset') return target.count
  if (target.kind === 'before-end') return place.end - target.count
  return place.before === null ? null : place.before + target.count
}

async function printPlan(
  context: CommandContext,
  plan: Awaited<ReturnType<typeof planOf>>,
  options: ResetOptions,
): Promise<void> {
  if (options.json === true) return await print(context, json({ executed: options.execute === true, offsets: plan }))
  const rows = plan.map((row) => [row.topic, row.partition, row.current, row.new, row.end, row.lag])
  await print(context, table(['TOPIC', 'PARTITION', 'CURRENT', 'NEW', 'END', 'LAG'], rows))
  const said = options.execute === true ? 'The offsets are set.' : 'Nothing was changed: add --execute to set these.'
  await print(context, `${said}\n`)
}
