/**
 * AlterPartitionReassignments (45) and ListPartitionReassignments (46), where a broker is alone: nothing can move, so all
 * that is asked for is there already, or cannot be.
 */
import { AlterPartitionReassignments } from '@ottla/protocol/apis/45-alter-partition-reassignments.ts'
import { ListPartitionReassignments } from '@ottla/protocol/apis/46-list-partition-reassignments.ts'
import { UnregisterBroker } from '@ottla/protocol/apis/64-unregister-broker.ts'
import { look } from '../requests-of-admins.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'

const BROKER = 1
const NOBODY = 77

type Wanted = readonly (readonly [topic: string, ...rows: (readonly [index: number, replicas: number[] | null])[]])[]

/** Version 0 says nothing of the replication factor. */
const alter = (topics: Wanted, allowReplicationFactorChange = true): AskStep =>
  ask(AlterPartitionReassignments, ({ version }) => ({
    ...(version === 0 ? {} : { allowReplicationFactorChange }),
    topics: topics.map(([name, ...rows]) => ({
      name,
      partitions: rows.map(([partitionIndex, replicas]) => ({ partitionIndex, replicas })),
    })),
    timeoutMs: 5000,
  }))

const list = (topics: readonly (readonly [name: string, ...partitions: number[]])[] | null): AskStep =>
  ask(ListPartitionReassignments, () => ({
    topics: topics?.map(([name, ...partitionIndexes]) => ({ name, partitionIndexes })) ?? null,
    timeoutMs: 5000,
  }))

const covers = ['13.21']

export const PARTITION_REASSIGNMENTS: readonly Scenario[] = [
  scenario(AlterPartitionReassignments, 'who has it already', {
    covers,
    topics: { a: { partitions: 2 }, b: {} },
    steps: [
      alter([
        ['@a', [0, [BROKER]], [1, [BROKER]]],
        ['@b', [0, [BROKER]]],
      ]),
      alter([['@a', [0, [BROKER]], [0, [BROKER]]]]),
      look(['@a', '@b']),
    ],
  }),
  scenario(AlterPartitionReassignments, 'replicas that cannot be', {
    covers,
    topics: { a: {} },
    steps: [
      ...[[], [BROKER, BROKER], [NOBODY], [BROKER, NOBODY], [NOBODY, NOBODY], [-1], [BROKER, -1]].map((replicas) =>
        alter([['@a', [0, replicas]]]),
      ),
      alter([['@a', [0, [NOBODY]], [0, [BROKER]]]]),
    ],
  }),
  scenario(AlterPartitionReassignments, 'what is not there', {
    covers,
    topics: { a: {} },
    steps: [
      alter([['@a', [1, [BROKER]], [-1, [BROKER]], [7, null]]]),
      alter([
        ['@missing', [0, [BROKER]], [0, null], [0, []]],
        ['@a', [0, [BROKER]]],
      ]),
      alter([['', [0, [BROKER]]]]),
      alter([]),
      alter([['@a']]),
      alter([['@missing']]),
    ],
  }),
  scenario(AlterPartitionReassignments, 'nothing to take back', {
    covers,
    topics: { a: {} },
    steps: [alter([['@a', [0, null]]]), alter([['@a', [0, null], [0, [BROKER]]]], false)],
  }),
  scenario(AlterPartitionReassignments, 'another replication factor', {
    covers,
    versions: [1, 1],
    topics: { a: {} },
    steps: [
      alter([['@a', [0, [BROKER]]]], false),
      ...[[], [BROKER, BROKER], [NOBODY], [BROKER, NOBODY]].map((replicas) => alter([['@a', [0, replicas]]], false)),
    ],
  }),
  scenario(ListPartitionReassignments, 'nothing moves', {
    covers,
    topics: { a: { partitions: 2 } },
    steps: [list(null), list([]), list([['@a', 0, 1]]), list([['@a']])],
  }),
  scenario(ListPartitionReassignments, 'what is not there', {
    covers,
    topics: { a: {} },
    steps: [
      list([['@a', 1, -1]]),
      list([
        ['@missing', 0],
        ['@a', 0],
      ]),
      list([['', 0]]),
    ],
  }),
]

export const UNREGISTER_BROKER: readonly Scenario[] = [
  scenario(UnregisterBroker, 'who is not registered', {
    covers: ['15.9'],
    steps: [NOBODY, 0, -1, 2 ** 31 - 1].map((brokerId) => ask(UnregisterBroker, () => ({ brokerId }))),
  }),
]
