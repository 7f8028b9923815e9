/** Owns the list of clients whose members take part in groups, with the assignors that each has. */
import { NODE26, PYTHON, REPOSITORY } from '../processes.ts'
import type { Program } from './member-process.ts'

export type Rebalance = 'eager' | 'cooperative' | 'consumer'

export interface GroupClient {
  readonly name: string
  readonly program: (bootstrap: string) => Program
  /** By the client's own names. */
  readonly assignors: Readonly<Record<string, Rebalance>>
  /** Whether members of one group can have different topics. */
  readonly mixesTopics: boolean
  /** Whether its members get other topics without leaving. */
  readonly resubscribes: boolean
  /** Whether it subscribes to patterns (`^…`), and follows topics that come and go. */
  readonly followsPatterns: boolean
  /** Whether it can bear partitions that come: version 2.12 of @platformatic/kafka does not see them, or dies of them. */
  readonly seesPartitions: boolean
  /** Whether each rebalance has it go back to its committed offsets where it keeps a partition; eager ones always do. */
  readonly rereads: boolean
  /** Whether it commits records that it has not printed yet, and so may lose one to its end: no load is on it then. */
  readonly commitsEarly: boolean
  /** Of one that follows patterns: whether it lets go of topics that are deleted. */
  readonly seesDeletions: boolean
  /** Whether its members stay the same when the broker goes and comes; others join anew. */
  readonly outlivesBroker: boolean
}

const CLIENTS = `${REPOSITORY}interop/clients`
const ALL_ABILITIES = {
  ...{ mixesTopics: true, resubscribes: true, followsPatterns: true, seesPartitions: true, seesDeletions: true },
  ...{ rereads: false, commitsEarly: false },
}

export const CONFLUENT: GroupClient = {
  name: 'python confluent-kafka',
  program: (bootstrap) => confluent(PYTHON, bootstrap, 'classic'),
  assignors: { range: 'eager', roundrobin: 'eager', 'cooperative-sticky': 'cooperative' },
  ...ALL_ABILITIES,
  outlivesBroker: true,
}

export const KCAT: GroupClient = {
  name: 'kcat',
  program: (bootstrap) => ({ command: NODE26, args: [`${CLIENTS}/group-kcat.ts`, bootstrap] }),
  assignors: CONFLUENT.assignors,
  ...ALL_ABILITIES,
  ...{ resubscribes: false, commitsEarly: true, outlivesBroker: true },
}

export const KAFKAJS: GroupClient = {
  name: 'kafkajs',
  program: (bootstrap) => ({ command: NODE26, args: [`${CLIENTS}/group-kafkajs.ts`, bootstrap] }),
  assignors: { RoundRobinAssigner: 'eager' },
  ...{ mixesTopics: false, resubscribes: false, followsPatterns: false, seesPartitions: true },
  ...{ seesDeletions: false, rereads: true, commitsEarly: false },
  outlivesBroker: false,
}

const PLATFORMATIC_ABILITIES = {
  ...{ followsPatterns: false, seesPartitions: false, seesDeletions: false },
  ...{ rereads: true, commitsEarly: false, outlivesBroker: true },
}

export const PLATFORMATIC: GroupClient = {
  name: '@platformatic/kafka',
  program: (bootstrap) => typescript('group-platformatic', bootstrap, 'classic'),
  assignors: { roundrobin: 'eager', 'cooperative-sticky': 'cooperative' },
  ...{ mixesTopics: false, resubscribes: false },
  ...PLATFORMATIC_ABILITIES,
}

export const PLATFORMATIC_848: GroupClient = {
  name: '@platformatic/kafka (KIP-848)',
  program: (bootstrap) => typescript('group-platformatic', bootstrap, 'consumer'),
  assignors: { uniform: 'consumer', range: 'consumer' },
  ...{ mixesTopics: true, resubscribes: true },
  ...PLATFORMATIC_ABILITIES,
}

/** As they are where nobody spares them their fault: see interop/README.md. */
export const PLATFORMATIC_UNSPARED = [
  unspared(PLATFORMATIC, 'classic'),
  unspared(PLATFORMATIC_848, 'consumer'),
] as const

function unspared(client: GroupClient, protocol: Protocol): GroupClient {
  const program = (bootstrap: string): Program => {
    const { command, args } = typescript('group-platformatic', bootstrap, protocol)
    return { command, args: [...args, 'fresh-metadata'] }
  }
  return { ...client, program }
}

const OTTLA_ABILITIES = { ...ALL_ABILITIES, resubscribes: false, outlivesBroker: true }

export const OTTLA_CLASSIC: GroupClient = {
  name: 'ottla',
  program: (bootstrap) => typescript('group-ottla', bootstrap, 'classic'),
  assignors: { range: 'eager', roundrobin: 'eager', sticky: 'eager', 'cooperative-sticky': 'cooperative' },
  ...OTTLA_ABILITIES,
}

export const OTTLA_848: GroupClient = {
  name: 'ottla (KIP-848)',
  program: (bootstrap) => typescript('group-ottla', bootstrap, 'consumer'),
  assignors: { uniform: 'consumer', range: 'consumer' },
  ...OTTLA_ABILITIES,
}

/** Those that Debian and npm bring. */
export const CLIENTS_AT_HAND = [KCAT, CONFLUENT, KAFKAJS, PLATFORMATIC, PLATFORMATIC_848, OTTLA_CLASSIC, OTTLA_848]

/** Those that have to be fetched first: `python` has librdkafka 2.12 or later, `jars` are Apache Kafka's. */
export function newerClients({ python, jars }: { python: string; jars: string }): GroupClient[] {
  const abilities = { ...ALL_ABILITIES, outlivesBroker: true }
  const server = { uniform: 'consumer', range: 'consumer' } as const
  return [
    {
      ...{ name: 'librdkafka 2.12+', program: (bootstrap) => confluent(python, bootstrap, 'classic') },
      assignors: CONFLUENT.assignors,
      ...abilities,
    },
    {
      ...{ name: 'librdkafka 2.12+ (KIP-848)', program: (bootstrap) => confluent(python, bootstrap, 'consumer') },
      assignors: server,
      ...abilities,
    },
    {
      ...{ name: 'java', program: (bootstrap) => java(jars, bootstrap, 'classic') },
      assignors: OTTLA_CLASSIC.assignors,
      ...abilities,
      seesDeletions: false,
    },
    {
      ...{ name: 'java (KIP-848)', program: (bootstrap) => java(jars, bootstrap, 'consumer') },
      assignors: server,
      ...abilities,
    },
  ]
}

type Protocol = 'classic' | 'consumer'

function typescript(name: string, bootstrap: string, protocol: Protocol): Program {
  return { command: NODE26, args: [`${CLIENTS}/${name}.ts`, bootstrap, protocol] }
}

function confluent(python: string, bootstrap: string, protocol: Protocol): Program {
  return { command: python, args: [`${CLIENTS}/group_confluent.py`, bootstrap, protocol] }
}

function java(jars: string, bootstrap: string, protocol: Protocol): Program {
  const words = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${jars}/*`]
  return { command: 'java', args: [...words, `${CLIENTS}/GroupMembers.java`, bootstrap, protocol] }
}
