/**
 * Members of groups by kafkajs: one process, as many members as it is told. Argument: bootstrap. Commands and what is
 * printed: interop/groups/member-process.ts. To subscribe anew, kafkajs has to stop, which is to leave.
 */
import kafkajs, { type Consumer } from 'kafkajs'
import { type Command, commandsOfInput, tell } from './member-commands.ts'

const { Kafka, logLevel } = kafkajs
const [bootstrap = ''] = process.argv.slice(2)
const members = new Map<string, Consumer>()

for await (const command of commandsOfInput()) {
  if (command.do === 'join') void join(command)
  else if (command.do === 'leave') void leave(command.member)
  else void subscribe(command)
}

async function join(command: Extract<Command, { do: 'join' }>): Promise<void> {
  const { member, group, topics } = command
  const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 100 }
  const kafka = new Kafka({ clientId: member, brokers: bootstrap.split(','), logLevel: logLevel.NOTHING, retry })
  const consumer = kafka.consumer({
    groupId: group,
    sessionTimeout: command.sessionTimeoutMs,
    heartbeatInterval: command.heartbeatMs,
    metadataMaxAge: command.metadataAgeMs,
    maxWaitTimeInMs: 100,
    retry,
  })
  members.set(member, consumer)
  await consumer.connect()
  await run(consumer, { member, topics })
}

async function run(consumer: Consumer, { member, topics }: { member: string; topics: readonly string[] }) {
  await consumer.subscribe({ topics: [...topics], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) =>
      tell({ member, record: [topic, partition, Number(message.offset), String(message.value)] }),
  })
}

async function leave(member: string): Promise<void> {
  await members.get(member)!.disconnect()
  tell({ member, left: true })
}

async function subscribe({ member, topics }: { member: string; topics: readonly string[] }): Promise<void> {
  const consumer = members.get(member)!
  await consumer.stop()
  await run(consumer, { member, topics })
}
