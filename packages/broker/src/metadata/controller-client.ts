/**
 * How the rest of a broker asks the controller for changes: admin handlers, coordinators and start-up use nothing else.
 * Owns the commands' and outcomes' types and the client for a broker that is its own controller.
 *
 * Promises of every implementation: outcomes come in the order of the commands; a success is answered only once this
 * broker's own image shows it, so what was created is usable at once; an unknown outcome is REQUEST_TIMED_OUT and is
 * never sent a second time.
 */
import type { ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'
import type { Controller } from './controller.ts'
import type { FailedLogs } from './failed-log-plans.ts'
import type { SupportedFeature } from './features.ts'
import type { BrokerListener, Uuid } from './image.ts'
import type { AlteredPartition, AlterPartitions } from './isr-plans.ts'
import type { AlteredReassignment, AlterReassignments, RunningReassignment } from './reassignment-plans.ts'

export interface ControllerClient {
  createTopics(commands: readonly CreateTopic[], options: MutationOptions): Promise<Outcome<CreatedTopic>[]>
  deleteTopics(ids: readonly Uuid[]): Promise<Outcome<null>[]>
  createPartitions(commands: readonly CreatePartitions[], options: MutationOptions): Promise<Outcome<null>[]>
  alterConfigs(commands: readonly AlterConfig[], options: MutationOptions): Promise<Outcome<null>[]>
  /** All of them or none. */
  updateFeatures(updates: readonly FeatureUpdate[], options: MutationOptions): Promise<Outcome<null>>
  allocateProducerIds(): Promise<Outcome<ProducerIdBlock>>
  /** As a leader asks for its partitions' in-sync sets; several requests may be written as one. */
  alterPartitions(request: AlterPartitions): Promise<Outcome<AlteredPartition[]>>
  electLeaders(elections: ElectLeaders): Promise<Outcome<ElectedPartition[]>>
  alterReassignments(command: AlterReassignments): Promise<Outcome<AlteredReassignment[]>>
  /** Of these partitions; null: of all. As of everything that the controller has answered before. */
  listReassignments(asked: ElectLeaders['partitions']): Promise<Outcome<RunningReassignment[]>>
  unregisterBroker(brokerId: number): Promise<Outcome<null>>
  /** Of the broker that asks: others lead, as far as there are any. May be asked again and again. */
  reportFailedLogs(failed: FailedLogs): Promise<Outcome<null>>
}

export type Outcome<Success> = Success | ProtocolError

export interface MutationOptions {
  /** Checks everything, changes nothing. */
  readonly validateOnly: boolean
}

export interface CreateTopic {
  readonly name: string
  /** -1: the broker's default. */
  readonly partitionCount: number
  /** -1: the broker's default. */
  readonly replicationFactor: number
  /** Empty: the controller places the replicas. */
  readonly assignments: readonly ReplicaAssignment[]
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

export interface CreatedTopic {
  /** With `validateOnly` a random one, as Kafka's. */
  readonly id: Uuid
  readonly partitionCount: number
  readonly replicationFactor: number
  /** The topic's own values. */
  readonly configs: ReadonlyMap<string, string>
}

export interface ReplicaAssignment {
  readonly index: number
  readonly replicas: readonly number[]
}

export interface CreatePartitions {
  readonly name: string
  /** The new total. */
  readonly count: number
  /** The replicas of each added partition; null: the controller places them. */
  readonly assignments: readonly (readonly number[])[] | null
}

export type ConfigOperation = 'set' | 'delete' | 'append' | 'subtract'

export type AlteredResourceType = 'topic' | 'broker' | 'group' | 'client-metrics'

export interface AlterConfig {
  readonly type: AlteredResourceType
  /** Of type broker: an id, or empty for the default of all brokers. */
  readonly name: string
  /** AlterConfigs: what is not named is removed. */
  readonly complete: boolean
  readonly changes: readonly ConfigChange[]
}

export interface ConfigChange {
  readonly operation: ConfigOperation
  readonly key: string
  /** Null only with `delete`. */
  readonly value: string | null
}

export interface FeatureUpdate {
  readonly name: string
  /** To be finalized; 0 switches the feature off. */
  readonly level: number
  readonly direction: 'upgrade' | 'safe downgrade' | 'unsafe downgrade' | 'unknown'
}

export interface ElectLeaders {
  /** `unclean`: a leader without everything that was acknowledged rather than none, whatever the topic's settings say. */
  readonly election: 'preferred' | 'unclean'
  /** Null: all there are. */
  readonly partitions: readonly { readonly topic: string; readonly index: number }[] | null
}

export interface ElectedPartition {
  readonly topic: string
  readonly index: number
  /** Null: elected. */
  readonly error: ErrorName | null
}

export interface ProducerIdBlock {
  readonly first: number
  readonly count: number
}

export interface RegisterBroker {
  readonly id: number
  readonly incarnation: Uuid
  readonly rack: string | null
  readonly listeners: readonly BrokerListener[]
  /** The ids of its log directories. */
  readonly directories: readonly Uuid[]
  /** What it can work at; the first broker of a cluster finalizes the initial levels of its own. */
  readonly features: readonly SupportedFeature[]
}

/** For a broker that holds the controller itself. */
export function localControllerClient(controller: Controller): ControllerClient {
  return {
    createTopics: (commands, options) => controller.createTopics(commands, options),
    deleteTopics: (ids) => controller.deleteTopics(ids),
    createPartitions: (commands, options) => controller.createPartitions(commands, options),
    alterConfigs: (commands, options) => controller.alterConfigs(commands, options),
    updateFeatures: (updates, options) => controller.updateFeatures(updates, options),
    allocateProducerIds: () => controller.allocateProducerIds(),
    alterPartitions: (request) => controller.alterPartitions(request),
    electLeaders: (elections) => controller.electLeaders(elections),
    alterReassignments: (command) => controller.alterReassignments(command),
    listReassignments: (asked) => controller.listReassignments(asked),
    unregisterBroker: (brokerId) => controller.unregisterBroker(brokerId),
    reportFailedLogs: (failed) => controller.reportFailedLogs(failed),
  }
}
