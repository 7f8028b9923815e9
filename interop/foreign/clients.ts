/** The one list of foreign clients: how each program is made ready, and how it reads. */
import { join } from 'node:path'
import { NODE26, REPOSITORY } from '../processes.ts'
import type { Step } from '../transcript.ts'
import { type Command, goProgram, javaProgram, npmProgram, pythonProgram, rustProgram } from './toolchains.ts'

export interface ForeignClient {
  readonly name: string
  /** The words that run the program. Throws SkipError. */
  readonly ready: (steps: Step[]) => Promise<Command>
  /** Some clients read as members of a group alone; what they have stored is looked at all the same. */
  readonly readsAssigned: boolean
  /** The protocols of groups that it knows. */
  readonly groups: readonly GroupProtocol[]
}

export type GroupProtocol = 'classic' | 'consumer'

const CLASSIC: readonly GroupProtocol[] = ['classic']
const BOTH: readonly GroupProtocol[] = ['classic', 'consumer']

export const FOREIGN_CLIENTS: readonly ForeignClient[] = [
  {
    name: 'java kafka-clients',
    ready: () => javaProgram('java-clients/RoundTrip.java'),
    readsAssigned: true,
    groups: BOTH,
  },
  { name: 'go franz-go', ready: (steps) => goProgram('go-franz', steps), readsAssigned: true, groups: BOTH },
  { name: 'go sarama', ready: (steps) => goProgram('go-sarama', steps), readsAssigned: true, groups: CLASSIC },
  {
    name: 'rust rdkafka',
    ready: (steps) => rustProgram('rust-rdkafka', 'ottla-foreign-rdkafka', steps),
    readsAssigned: true,
    groups: BOTH,
  },
  {
    name: 'python confluent-kafka',
    ready: (steps) => pythonProgram('confluent.py', steps),
    readsAssigned: true,
    groups: BOTH,
  },
  {
    name: 'python kafka-python',
    ready: (steps) => pythonProgram('kafka_python.py', steps),
    readsAssigned: true,
    groups: CLASSIC,
  },
  {
    name: 'python aiokafka',
    ready: (steps) => pythonProgram('aiokafka_trip.py', steps),
    readsAssigned: true,
    groups: CLASSIC,
  },
  {
    name: 'javascript node-rdkafka',
    // Debian's librdkafka is found by its headers; the package would otherwise build its own, for many minutes.
    ready: (steps) => npmProgram('node-rdkafka', 'round-trip.js', { steps, env: { BUILD_LIBRDKAFKA: '0' } }),
    readsAssigned: true,
    groups: CLASSIC,
  },
  { name: 'javascript kafkajs', ready: () => ours('kafkajs.ts'), readsAssigned: false, groups: CLASSIC },
  { name: 'javascript @platformatic/kafka', ready: () => ours('platformatic.ts'), readsAssigned: false, groups: BOTH },
]

/** Those that are installed with this project run where they are. */
async function ours(file: string): Promise<Command> {
  return [NODE26, join(REPOSITORY, 'interop', 'foreign', 'javascript', file)]
}
