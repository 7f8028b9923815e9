/** Owns `ottla group list|describe|members|delete`; resetting of offsets is reset-offsets.ts's. */
import {
  deleteGroups,
  describeGroups,
  endOffsets,
  type GroupDescription,
  type GroupMember,
  listGroupOffsets,
  listGroups,
} from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'
import { partitionKey } from '@ottla/client/consumer/group/membership.ts'
import { type BrokerOptions, type CommandContext, print } from '../context.ts'
import { throwFirst } from '../exit-codes.ts'
import { fields, json, table } from '../output.ts'

export async function list(
  context: CommandContext,
  options: BrokerOptions & { state?: readonly string[]; type?: readonly string[]; json?: boolean },
): Promise<void> {
  await using client = await context.openClient(options.bootstrap)
  const { state: states = [], type: types = [] } = options
  const groups = await listGroups(client, { states, types, signal: context.signal })
  if (options.json === true) return await print(context, json(groups))
  const rows = groups.map((group) => [
    group.groupId,
    group.state || null,
    group.type || null,
    group.protocolType || null,
  ])
  await print(context, table(['GROUP', 'STATE', 'TYPE', 'PROTOCOL'], rows))
}

export async function describe(
  context: CommandContext,
  groupIds: readonly string[],
  options: BrokerOptions & { json?: boolean },
): Promise<void> {
  await using client = await context.openClient(options.bootstrap)
  const groups = await describeGroups(client, groupIds, { signal: context.signal })
  throwFirst(groups.map(({ error }) => error))
  const details = []
  for (const group of groups) details.push(await detailsOf(client, group, context.signal))
  if (options.json === true) return await print(context, json(details))
  for (const [index, detail] of details.entries())
    await print(context, `${index > 0 ? '\n' : ''}${detailsText(detail)}`)
}

export async function members(
  context: CommandContext,
  groupId: string,
  options: BrokerOptions & { json?: boolean },
): Promise<void> {
  await using client = await context.openClient(options.bootstrap)
  const groups = await describeGroups(client, [groupId], { signal: context.signal })
  throwFirst(groups.map(({ error }) => error))
  const found = groups.flatMap((group) => group.members)
  if (options.json === true) return await print(context, json(found))
  const rows = found.map((member) => {
    return [member.memberId, member.groupInstanceId, member.clientId, member.host, assignmentText(member)]
  })
  await print(context, table(['MEMBER', 'INSTANCE', 'CLIENT', 'HOST', 'PARTITIONS'], rows))
}

export async function remove(
  context: CommandContext,
  groupIds: readonly string[],
  options: BrokerOptions,
): Promise<void> {
  await using client = await context.openClient(options.bootstrap)
  const outcomes = await deleteGroups(client, groupIds, { signal: context.signal })
  for (const { name, error } of outcomes) if (error === null) await print(context, `Deleted group ${name}\n`)
  throwFirst(outcomes.map(({ error }) => error))
}

/** A row for each partition that has an offset or a reader. */
async function detailsOf(client: Client, group: GroupDescription, signal: AbortSignal) {
  const { groupId, state, type, assignor, epoch } = group
  const committed = await listGroupOffsets(client, groupId, { signal })
  const owners = new Map(
    group.members.flatMap((member) => member.assignment.map((one) => [partitionKey(one), member] as const)),
  )
  const known = new Set(committed.map(partitionKey))
  const others = group.members.flatMap(({ assignment }) => assignment.filter((one) => !known.has(partitionKey(one))))
  const ends = await endOffsets(client, others, { signal })
  const places = [
    ...committed.map(({ topic, partition, offset, endOffset, lag }) => ({
      ...{ topic, partition, committed: offset },
      end: endOffset < 0 ? null : endOffset,
      lag: lag < 0 ? null : lag,
    })),
    ...others.map((one) => ({ ...one, committed: null, end: ends.get(partitionKey(one)) ?? null, lag: null })),
  ]
  const partitions = places
    .map(({ topic, partition, ...rest }) => {
      const owner = owners.get(partitionKey({ topic, partition }))
      const { memberId = null, clientId = null, host = null } = owner ?? {}
      return { topic, partition, ...rest, memberId, clientId, host }
    })
    .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  return { group: groupId, state, type, assignor, epoch, members: group.members.length, partitions }
}

function detailsText(detail: Awaited<ReturnType<typeof detailsOf>>): string {
  const head = fields([
    ['group', detail.group],
    ['state', detail.state],
    ['type', detail.type],
    ['assignor', detail.assignor || null],
    ['members', detail.members],
  ])
  const rows = detail.partitions.map((row) => {
    return [row.topic, row.partition, row.committed, row.end, row.lag, row.memberId, row.clientId, row.host]
  })
  const columns = ['TOPIC', 'PARTITION', 'COMMITTED', 'END', 'LAG', 'MEMBER', 'CLIENT', 'HOST']
  return `${head}${table(columns, rows)}`
}

function assignmentText({ assignment }: GroupMember): string | null {
  const topics = Map.groupBy(assignment, ({ topic }) => topic)
  const texts = [...topics].map(([topic, rows]) => `${topic}:${rows.map(({ partition }) => partition).join(',')}`)
  return texts.length === 0 ? null : texts.join(' ')
}
