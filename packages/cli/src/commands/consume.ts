/**
 * Owns `ottla consume`: writes each record to standard output. Without a group it reads partitions of topics and ends,
 * without --follow, where they ended when it began. With --group it reads as a member, commits what it has written, and
 * leaves the group when it is interrupted.
 */
import { listOffsets, type NewOffset } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { AssignedConsumer, type Assignment } from '@ottla/client/consumer/assigned-consumer.ts'
import type { FetchedBatch } from '@ottla/client/consumer/fetched-batch.ts'
import type { FetchOptions } from '@ottla/client/consumer/fetcher.ts'
import { GroupConsumer } from '@ottla/client/consumer/group-consumer.ts'
import { type Position, parsePartitions, parsePosition, UsageError } from '../arguments.ts'
import { ByteSink } from '../byte-sink.ts'
import { type BrokerOptions, type CommandContext, print } from '../context.ts'
import { NotFoundError } from '../exit-codes.ts'
import { compileFormat, type RecordWriter, writeJson } from '../format.ts'
import { Progress } from '../output.ts'

export interface ConsumeOptions extends BrokerOptions {
  readonly from: string
  readonly until?: string
  readonly partitions?: string
  readonly count?: number
  readonly follow?: boolean
  readonly json?: boolean
  readonly format?: string
  readonly isolation: 'read_committed' | 'read_uncommitted'
  readonly rack?: string
  readonly group?: string
  readonly protocol?: 'auto' | 'classic' | 'consumer'
  readonly commitEvery?: number
}

export async function consume(
  context: CommandContext,
  topics: readonly string[],
  options: ConsumeOptions,
): Promise<void> {
  const { group } = options
  await (group === undefined
    ? readPartitions(context, topics, options)
    : readAsMember(context, topics, { ...options, group }))
}

async function readPartitions(
  context: CommandContext,
  topics: readonly string[],
  options: ConsumeOptions,
): Promise<void> {
  const write = writerOf(options)
  if (options.protocol !== undefined || options.commitEvery !== undefined)
    throw new UsageError('--protocol and --commit-every are of members of a group: give --group')
  if (options.follow === true && options.until !== undefined)
    throw new UsageError('--follow never ends: leave out --until')
  const from = parsePosition(options.from)
  const until = options.follow === true ? null : parsePosition(options.until ?? 'end')
  const partitions = options.partitions === undefined ? null : parsePartitions(options.partitions)
  await using client = await context.openClient(options.bootstrap)
  await untilInterrupted(context, async () => {
    const { signal } = context
    const found = topics.map((topic) => assign(client, { topic, partitions, from, until, signal }))
    const assignments = (await Promise.all(found)).flat()
    const { count: countMax = Number.POSITIVE_INFINITY } = options
    const reading = { assignments, ...fetchOptionsOf(options) }
    await using consumer = await AssignedConsumer.open(client, reading, { signal })
    await writeAll(context, consumer, { write, countMax, atOnce: options.follow === true })
  })
}

async function readAsMember(
  context: CommandContext,
  topics: readonly string[],
  options: ConsumeOptions & { group: string },
): Promise<void> {
  const write = writerOf(options)
  const { group, from, protocol = 'auto', commitEvery, count: countMax = Number.POSITIVE_INFINITY } = options
  if (options.until !== undefined || options.partitions !== undefined)
    throw new UsageError('The group says which partitions are read: leave out --partitions and --until')
  if (from !== 'beginning' && from !== 'end')
    throw new UsageError('With --group, --from is for partitions without a committed offset: give beginning or end')
  const autoCommit = commitEvery === undefined ? {} : { autoCommit: { everyMs: commitEvery } }
  await using client = await context.openClient(options.bootstrap)
  await untilInterrupted(context, async () => {
    const { signal } = context
    const reading = { group, topics, from, protocol, ...fetchOptionsOf(options) } as const
    await using consumer = await GroupConsumer.join(client, { ...reading, ...autoCommit }, { signal })
    const last = await writeAll(context, consumer, { write, countMax, atOnce: true })
    // Reading stopped within a batch: what was written of it is done with.
    if (last !== null) await consumer.commit([last])
  })
}

function fetchOptionsOf({ isolation, rack }: ConsumeOptions): Pick<FetchOptions, 'isolation' | 'rack'> {
  return rack === undefined ? { isolation } : { isolation, rack }
}

/** The user has seen enough, or nobody reads any more: neither is a failure. */
async function untilInterrupted(context: CommandContext, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    if (!context.signal.aborted) throw error
  }
}

function writerOf(options: ConsumeOptions): RecordWriter {
  if (options.json === true && options.format !== undefined) throw new UsageError('Give --json or --format, not both')
  return options.json === true ? writeJson : compileFormat(options.format ?? '%v\\n')
}

interface Selection {
  readonly topic: string
  /** Null for all. */
  readonly partitions: readonly number[] | null
  readonly from: Position
  readonly until: Position | null
  readonly signal: AbortSignal
}

async function assign(client: Client, selection: Selection): Promise<Assignment[]> {
  const { topic, from, until, signal } = selection
  const known = await client.metadata.find(topic, { timeoutMs: 0, autoCreate: false, signal })
  const all = known.partitions.map(({ partition }) => partition)
  const partitions = selection.partitions ?? all
  const missing = partitions.find((partition) => !all.includes(partition))
  if (missing !== undefined)
    throw new NotFoundError(`Topic "${topic}" has no partition ${missing}: it has ${all.length}, numbered from 0`)
  return await Promise.all(
    partitions.map(async (partition) => ({
      topic,
      partition,
      from: await placeOf(client, { topic, partition, position: from, signal }),
      ...(until === null ? {} : { until: endOf(await placeOf(client, { topic, partition, position: until, signal })) }),
    })),
  )
}

/** Counting back needs both ends; everything else the consumer looks up itself. */
async function placeOf(
  client: Client,
  place: { topic: string; partition: number; position: Position; signal: AbortSignal },
): Promise<Assignment['from']> {
  const { topic, partition, position, signal } = place
  if (position.kind === 'offset') return position.offset
  if (position.kind === 'time') return { timestampMs: position.timeMs }
  if (position.kind !== 'before-end') return position.kind
  const queries = (['beginning', 'end'] as const).map((at) => ({ topic, partition, at }))
  const [beginning, end] = await listOffsets(client, queries, { signal })
  return Math.max(beginning!.offset, end!.offset - position.count)
}

function endOf(place: Assignment['from']): NonNullable<Assignment['until']> {
  if (place === 'beginning')
    throw new UsageError('Nothing lies before the beginning: give --until end, an offset or a time')
  return place
}

interface WriteOptions {
  readonly write: RecordWriter
  readonly countMax: number
  /** Each batch is written when it comes, for somebody who watches. */
  readonly atOnce: boolean
}

type Source = { batches(options: { signal: AbortSignal }): AsyncIterable<FetchedBatch> }

/** Where reading stopped, if there were as many records as were asked for; else null. */
async function writeAll(context: CommandContext, source: Source, options: WriteOptions): Promise<NewOffset | null> {
  const sink = new ByteSink()
  const progress = new Progress(context.streams, context.clock)
  const showsProgress = !context.streams.outputIsTerminal
  let count = 0
  let bytes = 0
  try {
    if (options.countMax === 0) return null
    for await (const batch of source.batches({ signal: context.signal })) {
      const written = await writeBatch(context, batch, { ...options, countMax: options.countMax - count, sink })
      count += written.count
      bytes += batch.bytes.length
      const { topic, partition } = batch
      if (count >= options.countMax) return { topic, partition, offset: written.nextOffset }
      if (showsProgress) progress.update(count, bytes)
    }
    return null
  } finally {
    progress.clear()
    if (sink.size > 0) await print(context, sink.take())
  }
}

async function writeBatch(
  context: CommandContext,
  batch: FetchedBatch,
  options: WriteOptions & { sink: ByteSink },
): Promise<{ count: number; nextOffset: number }> {
  const { sink, write, countMax, atOnce } = options
  let count = 0
  let nextOffset = batch.nextOffset
  for (const record of batch.records()) {
    if (count >= countMax) break
    write(record, sink)
    count++
    nextOffset = record.offset + 1
    if (sink.isFull) await context.streams.write(sink.take())
  }
  if (atOnce && sink.size > 0) await print(context, sink.take())
  return { count, nextOffset }
}
