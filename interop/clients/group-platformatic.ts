/**
 * Members of groups by @platformatic/kafka: one process, as many members as it is told. Arguments: bootstrap, protocol
 * (classic or consumer, which is KIP-848), and `fresh-metadata` where members shall ask for metadata as
 * often as they are told. Commands and what is printed: interop/groups/member-process.ts.
 */
import { Consumer, cooperativeStickyAssigner, roundRobinAssigner } from '@platformatic/kafka'
import { type Command, commandsOfInput, type JoinCommand, tell } from './member-commands.ts'

const [bootstrap = '', protocol = '', metadata = ''] = process.argv.slice(2)
const ASSIGNERS = { roundrobin: roundRobinAssigner, 'cooperative-sticky': cooperativeStickyAssigner } as const

/**
 * A stream that waits for metadata while its member is given a partition reads that partition from its beginning, before
 * it has asked for the committed offset (version 2.12): so metadata is asked for once.
 */
const FIXED_METADATA_MS = 300_000
const hasFixedMetadata = metadata !== 'fresh-metadata'

interface Stream {
  readonly topics: readonly string[]
  readonly messages: { close(): Promise<void> }
}

interface Member {
  readonly consumer: Consumer
  streams: Stream[]
}

const members = new Map<string, Member>()

for await (const command of commandsOfInput()) {
  obey(command).catch((error: unknown) => tell({ member: command.member, failed: String(error) }))
}

async function obey(command: Command): Promise<void> {
  if (command.do === 'join') return await join(command)
  const member = members.get(command.member)!
  if (command.do === 'leave') return await leave(command.member, member)
  await subscribe(member, command)
}

/** A stream is closed when none of its topics is wanted any more, and has no topics taken from it before. */
async function subscribe(member: Member, { member: name, topics }: { member: string; topics: readonly string[] }) {
  const held = member.streams.flatMap((stream) => stream.topics)
  const added = topics.filter((topic) => !held.includes(topic))
  if (added.length > 0) await consume(name, member, added)
  const dropped = member.streams.filter((stream) => !stream.topics.some((topic) => topics.includes(topic)))
  member.streams = member.streams.filter((stream) => !dropped.includes(stream))
  for (const { messages } of dropped) await messages.close()
}

async function join(command: JoinCommand): Promise<void> {
  const base = {
    clientId: command.member,
    bootstrapBrokers: [bootstrap],
    groupId: command.group,
    autocommit: 50,
    maxWaitTime: 100,
    metadataMaxAge: hasFixedMetadata ? FIXED_METADATA_MS : command.metadataAgeMs,
    retries: 100,
    retryDelay: 100,
  }
  const member: Member = {
    consumer: new Consumer({ ...base, ...groupOptions(command) }),
    streams: [],
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
  streams.push({ topics, messages: stream })
  stream.on('error', (error) => tell({ member: name, failed: String(error) }))
  stream.on('data', ({ topic, partition, offset, value }) =>
    tell({ member: name, record: [topic, partition, Number(offset), String(value)] }),
  )
}

/** By itself it closes its streams first: a heartbeat in between would say that it wants no topic any more. */
async function leave(name: string, { consumer }: Member): Promise<void> {
  await consumer.close(true)
  tell({ member: name, left: true })
}
