/** Owns `ottla topic …`: create, list, describe, alter, delete, add partitions. */
import {
  type ConfigChange,
  createPartitions,
  createTopics,
  deleteTopics,
  describeConfigs,
  describeTopics,
  incrementalAlterConfigs,
  listOffsets,
  listTopics,
  type TopicDescription,
} from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { parsePair, UsageError } from '../arguments.ts'
import { type BrokerOptions, type CommandContext, print } from '../context.ts'
import { throwFirst } from '../exit-codes.ts'
import { fields, json, table } from '../output.ts'

export interface CreateOptions extends BrokerOptions {
  readonly partitions?: number
  readonly replicationFactor?: number
  readonly config?: readonly string[]
  readonly ifNotExists?: boolean
  readonly json?: boolean
}

export async function create(context: CommandContext, names: readonly string[], options: CreateOptions): Promise<void> {
  await using client = await context.openClient(options.bootstrap)
  const { partitions, replicationFactor } = options
  const sizes = {
    ...(partitions === undefined ? {} : { partitions }),
    ...(replicationFactor === undefined ? {} : { replicationFactor }),
  }
  const configs = Object.fromEntries((options.config ?? []).map(parsePair))
  const created = await createTopics(
    client,
    names.map((name) => ({ name, configs, ...sizes })),
    { signal: context.signal },
  )
  const isFine = (error: Error | null): boolean =>
    options.ifNotExists === true && error !== null && 'error' in error && error.error === 'TOPIC_ALREADY_EXISTS'
  const done = created.filter(({ error }) => error === null)
  if (options.json === true) {
    await print(
      context,
      json(
        done.map(({ name, topicId, partitions, replicationFactor }) => ({
          name,
          topicId,
          partitions,
          replicationFactor,
        })),
      ),
    )
  } else {
    for (const topic of done)
      await print(
        context,
        `Created topic ${topic.name} with ${topic.partitions} partitions, replication factor ${topic.replicationFactor}\n`,
      )
  }
  throwFirst(created.map(({ error }) => (isFine(error) ? null : error)))
}

export async function list(
  context: CommandContext,
  options: BrokerOptions & { internal?: boolean; json?: boolean },
): Promise<void> {
  await using client = await context.openClient(options.bootstrap)
  const topics = (await listTopics(client, { signal: context.signal })).filter(
    (topic) => options.internal === true || !topic.isInternal,
  )
  if (options.json === true) {
    await print(
      context,
      json(
        topics.map(({ name, topicId, isInternal, partitions }) => ({
          name,
          topicId,
          isInternal,
          partitions: partitions.length,
          replicationFactor: replicationOf(partitions),
        })),
      ),
    )
    return
  }
  const rows = topics.map(({ name, partitions }) => [name, partitions.length, replicationOf(partitions)])
  await print(context, table(['TOPIC', 'PARTITIONS', 'REPLICATION'], rows))
}

export async function describe(
  context: CommandContext,
  names: readonly string[],
  options: BrokerOptions & { json?: boolean },
): Promise<void> {
  await using client = await context.openClient(options.bootstrap)
  const topics = await describeTopics(client, names, { signal: context.signal })
  throwFirst(topics.map(({ error }) => error))
  const details = []
  for (const topic of topics) details.push(await detailsOf(client, topic, context.signal))
  if (options.json === true) return await print(context, json(details))
  for (const [index, detail] of details.entries())
    await print(context, `${index > 0 ? '\n' : ''}${detailsText(detail)}`)
}

export async function alter(
  context: CommandContext,
  name: string,
  options: BrokerOptions & { set?: readonly string[]; unset?: readonly string[] },
): Promise<void> {
  const set = (options.set ?? [])
    .map(parsePair)
    .map(([key, value]): ConfigChange => ({ name: key, operation: 'set', value }))
  const unset = (options.unset ?? []).map((key): ConfigChange => ({ name: key, operation: 'delete', value: null }))
  const changes = [...set, ...unset]
  if (changes.length === 0) throw new UsageError('Nothing to alter: give --set NAME=VALUE or --unset NAME')
  await using client = await context.openClient(options.bootstrap)
  const outcomes = await incrementalAlterConfigs(client, [{ resource: { type: 'topic', name }, changes }], {
    signal: context.signal,
  })
  throwFirst(outcomes.map(({ error }) => error))
  await print(context, `Altered topic ${name}: ${changes.map((change) => change.name).join(', ')}\n`)
}

export async function remove(
  context: CommandContext,
  names: readonly string[],
  options: BrokerOptions & { ifExists?: boolean },
): Promise<void> {
  await using client = await context.openClient(options.bootstrap)
  const outcomes = await deleteTopics(client, names, { signal: context.signal })
  for (const { name, error } of outcomes) if (error === null) await print(context, `Deleted topic ${name}\n`)
  const isFine = (error: { error: string } | null): boolean =>
    options.ifExists === true && error?.error === 'UNKNOWN_TOPIC_OR_PARTITION'
  throwFirst(outcomes.map(({ error }) => (isFine(error) ? null : error)))
}

export async function addPartitions(
  context: CommandContext,
  name: string,
  options: BrokerOptions & { total: number },
): Promise<void> {
  await using client = await context.openClient(options.bootstrap)
  const outcomes = await createPartitions(client, [{ name, total: options.total }], { signal: context.signal })
  throwFirst(outcomes.map(({ error }) => error))
  await print(context, `Topic ${name} has ${options.total} partitions now\n`)
}

async function detailsOf(client: Client, topic: TopicDescription, signal: AbortSignal) {
  const { name, topicId, isInternal, partitions } = topic
  const [description] = await describeConfigs(client, [{ type: 'topic', name }], { signal })
  const configs = (description?.entries ?? []).filter((entry) => entry.source === 'topic')
  const led = partitions.filter(({ leader }) => leader >= 0)
  const queries = led.flatMap(({ partition }) =>
    (['beginning', 'end'] as const).map((at) => ({ topic: name, partition, at })),
  )
  const offsets = await listOffsets(client, queries, { signal })
  const rows = partitions.map(({ partition, leader, leaderEpoch, replicas, isr }) => {
    const found = offsets.filter((offset) => offset.partition === partition)
    const [beginning = null, end = null] = found.map(({ offset }) => offset)
    return { partition, leader, leaderEpoch, replicas, isr, beginning, end }
  })
  return {
    name,
    topicId,
    isInternal,
    configs: Object.fromEntries(configs.map(({ name: key, value }) => [key, value])),
    partitions: rows,
  }
}

function detailsText(detail: Awaited<ReturnType<typeof detailsOf>>): string {
  const configs = Object.entries(detail.configs).map(([key, value]) => `${key}=${value ?? '(hidden)'}`)
  const head = fields([
    ['topic', detail.name],
    ['id', detail.topicId],
    ['configs', configs.length === 0 ? null : configs.join(', ')],
  ])
  const rows = detail.partitions.map(({ partition, leader, replicas, isr, beginning, end }) => {
    return [partition, leader < 0 ? null : leader, replicas.join(','), isr.join(','), beginning, end]
  })
  return `${head}${table(['PARTITION', 'LEADER', 'REPLICAS', 'ISR', 'BEGINNING', 'END'], rows)}`
}

function replicationOf(partitions: TopicDescription['partitions']): number {
  return partitions[0]?.replicas.length ?? 0
}
