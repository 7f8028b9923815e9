/**
 * Members of groups by @platformatic/kafka: one process, as many members as it is told. Arguments: bootstrap, protocol
 * (classic or consumer, which is KIP-848). Commands and what is printed: interop/groups/member-process.ts.
 */
import { Consumer, cooperativeStickyAssigner, roundRobinAssigner } from '@platformatic/kafka'
import { type Command, commandsOfInput, type JoinCommand, tell } from './member-commands.ts'

const [bootstrap = '', protocol = ''] = process.argv.slice(2)
const ASSIGNERS = { roundrobin: roundRobinAssigner, 'cooperative-sticky': cooperativeStickyAssigner } as const

/**
 * Of KIP-848 members, whose broker looks at topics for them. A stream that asks for metadata while it learns of its
 * committed offsets reads new partitions from their beginning (version 2.12).
 */
const FIXED_METADATA_MS = 300_000

interface Member {
  readonly consumer: Consumer
  readonly streams: { close(): Promise<void> }[]
  topics: readonly string[]
}

const members = new Map<string, Member>()

for await (const command of commandsOfInput()) {
  obey(command).catch((error: unknown) => tell({ member: command.member, failed: String(error) }))
}

async function obey(command: Command): Promise<void> {
  if (command.do === 'join') return await join(command)
  const member = members.get(command.member)!
  if (command.do === 'leave') return await leave(command.member, member)
  const added = command.topics.filter((topic) => !member.topics.includes(topic))
  member.topics = command.topics
  await consume(command.member, member, added)
}

async function join(command: JoinCommand): Promise<void> {
  const base = {
    clientId: command.member,
    bootstrapBrokers: [bootstrap],
    groupId: command.group,
    autocommit: 50,
    maxWaitTime: 100,
    metadataMaxAge: protocol === 'consumer' ? FIXED_METADATA_MS : command.metadataAgeMs,
    retries: 100,
    retryDelay: 100,
  }
  const member: Member = {
    consumer: new Consumer({ ...base, ...groupOptions(command) }),
    streams: [],
    topics: command.topics,
  }
  members.set(command.member, member)
  await consume(command.member, member, command.topics)
}

function groupOptions({ assignor, sessionTimeoutMs, heartbeatMs }: JoinCommand) {
  if (protocol === 'consumer') return { groupProtocol: 'consumer' as const, groupRemoteAssignor: assignor }
  return {
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: heartbeatMs,
    protocols: [{ name: assignor, version: 1 }],
    partitionAssigner: ASSIGNERS[assignor as keyof typeof ASSIGNERS],
  }
}

async function consume(name: string, { consumer, streams }: Member, topics: readonly string[]): Promise<void> {
  const stream = await consumer.consume({ topics: [...topics], mode: 'committed', fallbackMode: 'earliest' })
  streams.push(stream)
  stream.on('error', (error) => tell({ member: name, failed: String(error) }))
  stream.on('data', ({ topic, partition, offset, value }) =>
    tell({ member: name, record: [topic, partition, Number(offset), String(value)] }),
  )
}

async function leave(name: string, { consumer, streams }: Member): Promise<void> {
  for (const stream of streams) await stream.close()
  await consumer.close(true)
  tell({ member: name, left: true })
}
