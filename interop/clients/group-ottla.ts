/**
 * Members of groups by our own GroupConsumer: one process, as many members as it is told. Arguments: bootstrap, protocol
 * (classic or consumer, which is KIP-848). Commands and what is printed: interop/groups/member-process.ts. A consumer
 * keeps its subscription, so that to subscribe anew is to leave and to join.
 */
import { openClient } from '@ottla/client/client.ts'
import type { AssignorName } from '@ottla/client/consumer/group/assignors.ts'
import { GroupConsumer, type GroupConsumerOptions } from '@ottla/client/consumer/group-consumer.ts'
import { DisposedError } from '@ottla/client/errors.ts'
import { type Command, commandsOfInput, type JoinCommand, tell } from './member-commands.ts'

const [bootstrap = '', protocol = ''] = process.argv.slice(2)

const BACKOFF = { firstMs: 50, maxMs: 500 }

interface Member {
  readonly joined: JoinCommand
  /** Resolves with what takes it out of its group again. */
  readonly running: Promise<() => Promise<void>>
}

const members = new Map<string, Member>()

for await (const command of commandsOfInput()) {
  obey(command).catch((error: unknown) => tell({ member: command.member, failed: String(error) }))
}

async function obey(command: Command): Promise<void> {
  const { member } = command
  if (command.do === 'join') return await join(command)
  const { joined, running } = members.get(member)!
  const leave = await running
  await leave()
  if (command.do === 'subscribe') await join({ ...joined, topics: command.topics })
  else tell({ member, left: true })
}

async function join(joined: JoinCommand): Promise<void> {
  const running = run(joined)
  members.set(joined.member, { joined, running })
  await running
}

async function run(joined: JoinCommand): Promise<() => Promise<void>> {
  const { member } = joined
  const metadataAgeMsMax = joined.metadataAgeMs
  const client = await openClient({ bootstrap, clientId: member, metadataAgeMsMax, backoff: BACKOFF })
  const consumer = await GroupConsumer.join(client, consumerOptions(joined))
  void read(member, consumer)
  return async () => {
    await consumer.leave()
    await client[Symbol.asyncDispose]()
  }
}

function consumerOptions({ group, topics, assignor, ...times }: JoinCommand): GroupConsumerOptions {
  const [pattern = ''] = topics
  return {
    ...(pattern.startsWith('^') ? { pattern: pattern.slice(1) } : { topics }),
    ...{ group, from: 'beginning', fetchWaitMs: 100, autoCommit: { everyMs: 50 } },
    ...(protocol === 'consumer'
      ? { protocol, serverAssignor: assignor }
      : {
          protocol: 'classic',
          assignors: [assignor as AssignorName],
          sessionTimeoutMs: times.sessionTimeoutMs,
          heartbeatIntervalMs: times.heartbeatMs,
        }),
  }
}

async function read(member: string, consumer: GroupConsumer): Promise<void> {
  try {
    for await (const { topic, partition, offset, value } of consumer.records())
      tell({ member, record: [topic, partition, offset, String(value)] })
  } catch (error) {
    if (!(error instanceof DisposedError)) tell({ member, failed: String(error) })
  }
}
