/** Owns the list of clients whose members take part in groups, with the assignors that each has. */
import { NODE26, PYTHON, REPOSITORY } from '../processes.ts'
import type { Program } from './member-process.ts'

export type Rebalance = 'eager' | 'cooperative' | 'consumer'

export interface GroupClient {
  readonly name: string
  readonly program: (bootstrap: string) => Program
  /** By the client's own names. */
  readonly assignors: Readonly<Record<string, Rebalance>>
  /** Whether members of one group can have different topics, and other topics without leaving. */
  readonly mixesTopics: boolean
  /** Whether it can bear partitions that come: version 2.12 of @platformatic/kafka does not see them, or dies of them. */
  readonly seesPartitions: boolean
  /** Whether its members stay the same when the broker goes and comes; others join anew. */
  readonly outlivesBroker: boolean
}

const CLIENTS = `${REPOSITORY}interop/clients`

export const CONFLUENT: GroupClient = {
  name: 'python confluent-kafka',
  program: (bootstrap) => ({ command: PYTHON, args: [`${CLIENTS}/group_confluent.py`, bootstrap] }),
  assignors: { range: 'eager', roundrobin: 'eager', 'cooperative-sticky': 'cooperative' },
  mixesTopics: true,
  seesPartitions: true,
  outlivesBroker: true,
}

export const KAFKAJS: GroupClient = {
  name: 'kafkajs',
  program: (bootstrap) => ({ command: NODE26, args: [`${CLIENTS}/group-kafkajs.ts`, bootstrap] }),
  assignors: { RoundRobinAssigner: 'eager' },
  mixesTopics: false,
  seesPartitions: true,
  outlivesBroker: false,
}

export const PLATFORMATIC: GroupClient = {
  name: '@platformatic/kafka',
  program: (bootstrap) => platformatic(bootstrap, 'classic'),
  assignors: { roundrobin: 'eager', 'cooperative-sticky': 'cooperative' },
  mixesTopics: false,
  seesPartitions: false,
  outlivesBroker: true,
}

export const PLATFORMATIC_848: GroupClient = {
  name: '@platformatic/kafka (KIP-848)',
  program: (bootstrap) => platformatic(bootstrap, 'consumer'),
  assignors: { uniform: 'consumer', range: 'consumer' },
  mixesTopics: true,
  seesPartitions: false,
  outlivesBroker: true,
}

function platformatic(bootstrap: string, protocol: 'classic' | 'consumer'): Program {
  return { command: NODE26, args: [`${CLIENTS}/group-platformatic.ts`, bootstrap, protocol] }
}

export interface KcatMember {
  readonly member: string
  readonly group: string
  readonly topics: readonly string[]
  readonly assignor: string
}

/** One member, which lives as long as its process. Values must hold no space. */
export function kcat(bootstrap: string, { member, group, topics, assignor }: KcatMember): Program {
  const settings = [
    ...['auto.offset.reset=earliest', 'auto.commit.interval.ms=50', 'fetch.wait.max.ms=100', `client.id=${member}`],
    ...[`partition.assignment.strategy=${assignor}`, 'heartbeat.interval.ms=200', 'session.timeout.ms=6000'],
  ].flatMap((setting) => ['-X', setting])
  return {
    command: 'kcat',
    args: ['-b', bootstrap, '-G', group, ...topics, '-u', '-q', '-f', '%t %p %o %s\n', ...settings],
    parse: (line) => {
      const [topic = '', partition, offset, value = ''] = line.split(' ')
      return { member, record: [topic, Number(partition), Number(offset), value] }
    },
  }
}
